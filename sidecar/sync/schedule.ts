import { randomUUID } from 'node:crypto'
import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import type { Caller } from '../audit/record.ts'
import type { Database } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import { createTraceId } from '../platform/trace-context.ts'
import { inSpan } from '../platform/tracing.ts'
import type { Mapping } from '../transform/mapping.ts'
import { RunOpen } from './errors.ts'
import { createRun, recordSkippedRun } from './run.ts'
import { lastSlot, nextSlot } from './schedule-slot.ts'
import { readSetting, type StoredSetting } from './settings.ts'

export interface ScheduleContext {
  database: Database
  queue: JobQueue
  mapping: Mapping
  logger: FastifyBaseLogger
  timeZone: string
}

/**
 * Starts the run that is due, if any: the last slot of the schedule, unless a replica has started it or it is before the
 * last change of the setting. Called every minute and at the start, so a slot that passed without a process is caught up.
 */
export async function runIfDue(context: ScheduleContext, now: Date): Promise<void> {
  const { database, timeZone } = context
  const setting = await readSetting(database.pool)
  const slot = await openSlot(database.pool, setting, timeZone, now)
  if (slot === null) return

  const caller: Caller = { actor: 'schedule', apiKeyId: null, requestId: randomUUID(), traceId: createTraceId() }
  await inSpan('schedule', { ids: { trace_id: caller.traceId } }, () => answer(context, slot, setting, caller))
}

async function answer(context: ScheduleContext, slot: Date, setting: StoredSetting, caller: Caller): Promise<void> {
  const { database, queue, mapping, logger } = context
  const skip = async (reason: string) => {
    const isMine = await database.withTransaction(client => recordSkippedRun(client, slot, reason, caller))
    if (isMine) logger.info({ slot, reason }, 'the scheduled run was skipped')
  }
  if (!setting.active) return skip('INTEGRATION_DISABLED')
  try {
    const { runId } = await database.withTransaction(client =>
      createRun(client, queue, mapping, { mode: 'incremental' }, { triggeredBy: 'schedule', caller, slot })
    )
    logger.info({ run_id: runId, slot }, 'the scheduled run starts')
  } catch (error) {
    if (error instanceof RunOpen) return skip(error.code)
    // Another replica was first with this slot.
    if ((error as { constraint?: string }).constraint !== 'run_slot_uniq') throw error
  }
}

/** Returns the time of the next run, in the past if it is late; null if the integration is switched off. */
export async function nextDue(
  pool: pg.Pool,
  setting: StoredSetting,
  timeZone: string,
  now: Date
): Promise<Date | null> {
  if (!setting.active) return null
  return (await openSlot(pool, setting, timeZone, now)) ?? nextSlot(setting.schedule, timeZone, now)
}

/**
 * Returns the last slot of the schedule if it has no run yet; null if it has one, or is before the last change of the
 * setting.
 */
async function openSlot(pool: pg.Pool, setting: StoredSetting, timeZone: string, now: Date): Promise<Date | null> {
  const slot = lastSlot(setting.schedule, timeZone, now)
  if (slot < setting.changedAt) return null
  const { rows } = await pool.query('select from kki.run where slot = $1', [slot])
  return rows.length > 0 ? null : slot
}
