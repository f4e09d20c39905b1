import { createHash } from 'node:crypto'
import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { RequestInvalid } from '../errors.ts'
import type { Transaction } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import { type Ids, markBatch } from '../platform/tracing.ts'
import type { Mapping } from '../transform/mapping.ts'
import type { RunMode } from './batch.ts'
import { IdempotencyConflict, IntegrationDisabled, RunOpen } from './errors.ts'
import { readSetting } from './settings.ts'

/** A request for a run. Times are instants; `professions` are SDMK's codes. */
export interface RunRequest {
  mode: RunMode
  professions?: string[] | undefined
  changedSince?: Date | undefined
  changedUntil?: Date | undefined
  /** `hold`: every batch is held for a person, regardless of its plan. */
  apply?: 'auto' | 'hold' | undefined
}

export interface RunOptions {
  triggeredBy: 'schedule' | 'operator' | 'api' | 'command'
  caller: Caller
  idempotencyKey?: string | undefined
  /** The scheduled minute of the run. */
  slot?: Date
}

export interface CreatedRun {
  runId: number
  batchIds: number[]
  /** False if the idempotency key found an existing run. */
  isNew: boolean
}

/**
 * Stores a run with its first batch, its job and its audit event, within the caller's transaction. Its walk reads all
 * professions, or those of the request or of the setting, one after the other.
 * @throws IntegrationDisabled, RunOpen, IdempotencyConflict, RequestInvalid
 */
export async function createRun(
  client: Transaction,
  queue: JobQueue,
  mapping: Mapping,
  request: RunRequest,
  options: RunOptions
): Promise<CreatedRun> {
  checkRequest(request, mapping)
  await checkPresent(client, request)
  const digest = createHash('sha256').update(JSON.stringify(request)).digest()
  const earlier = await findByIdempotencyKey(client, options, digest)
  if (earlier) return earlier
  const setting = await readSetting(client)
  if (!setting.active) throw new IntegrationDisabled()

  const professions = walkedProfessions(request.professions ?? setting.professions, mapping)
  const runId = await insertRun(client, request, professions, options, digest)
  const batchId = await insertBatch(client, runId, walkParts(professions, mapping)[0] ?? everything)
  await queueFetch(client, queue, runId)
  await recordAudit(client, {
    ...options.caller,
    action: 'run.created',
    runId,
    detail: { mode: request.mode, apply: request.apply ?? 'auto', triggeredBy: options.triggeredBy, professions }
  })
  return { runId, batchIds: [batchId], isNew: true }
}

/** Queues the job that fetches the rest of a run's walk, within the caller's transaction. */
export async function queueFetch(
  client: pg.ClientBase,
  queue: JobQueue,
  runId: number,
  { startAfterSeconds }: { startAfterSeconds?: number } = {}
): Promise<void> {
  const delay = startAfterSeconds === undefined ? {} : { startAfterSeconds }
  await queue.send('kki-fetch', { runId }, { client, singletonKey: String(runId), ...delay })
}

/** Records a skipped scheduled slot with the reason; does nothing if the slot already has a run. */
export async function recordSkippedRun(
  client: pg.ClientBase,
  slot: Date,
  reason: string,
  caller: Caller
): Promise<boolean> {
  const { rows } = await client.query<{ id: number }>(
    `insert into kki.run (slot, triggered_by, mode, skipped_reason, actor, request_id, trace_id, finished_at)
    values ($1, 'schedule', 'incremental', $2, $3, $4, $5, now())
    on conflict (slot) do nothing returning id`,
    [slot, reason, caller.actor, caller.requestId, caller.traceId]
  )
  if (!rows[0]) return false
  await recordAudit(client, { ...caller, action: 'run.skipped', runId: rows[0].id, detail: { slot, reason } })
  return true
}

/** Returns the ids for log lines and spans about a run and its newest batch; see `idsOfBatch`. */
export async function idsOfRun(pool: pg.Pool, id: number): Promise<Partial<Ids>> {
  const { rows } = await pool
    .query<Required<Pick<Ids, 'trace_id' | 'request_id' | 'batch_id'>>>(
      `select r.trace_id, r.request_id, max(b.id) as batch_id
      from kki.run r join kki.batch b on b.run_id = r.id where r.id = $1 group by r.id`,
      [id]
    )
    .catch(() => ({ rows: [] }))
  return { run_id: id, ...rows[0] }
}

/** A part of a walk: KKI's list for one of its codes for a profession of SDMK. */
export interface WalkPart {
  profession: string | null
  sourceProfession: string | null
}

const everything: WalkPart = { profession: null, sourceProfession: null }

/**
 * Returns the parts of a run's walk, in order: one for each of KKI's codes for these professions; null is its whole
 * list.
 */
export function walkParts(professions: readonly string[] | null, mapping: Mapping): WalkPart[] {
  if (professions === null) return [everything]
  return professions.flatMap(profession => {
    const { kkiCodes = [] } = mapping.professions.find(({ code }) => code === profession) ?? {}
    return kkiCodes.map(sourceProfession => ({ profession, sourceProfession }))
  })
}

/**
 * Inserts the next batch of a run, queued, within the caller's transaction. A request to hold the first load also holds
 * later runs until one is applied as a whole; otherwise the schedule would apply the rows that a person wants to see.
 */
export async function insertBatch(client: Transaction, runId: number, part: WalkPart = everything): Promise<number> {
  const { rows } = await client.query<{ id: number; kind: string; trace_id: string }>(
    `insert into kki.batch (run_id, kind, profession, source_profession, trace_id, hold_asked)
    select r.id, r.mode, $2, $3, r.trace_id,
      case when r.apply_mode = 'hold' or exists (
        select from kki.run held
        where held.apply_mode = 'hold' and held.id < r.id and held.mode = any ($4) and r.mode = any ($4)
          and not exists (
            select from kki.run done
            where done.mode = any ($4) and done.id < r.id and done.finished_at is not null
              and not exists (
                select from kki.batch b where b.run_id = done.id and b.state not in ('applied', 'undone')
              )
          )
      ) then array['REQUESTED'] else '{}' end
    from kki.run r where r.id = $1
    returning id, kind, trace_id`,
    [runId, part.profession, part.sourceProfession, ['incremental', 'full']]
  )
  const { id, kind, trace_id } = rows[0] as { id: number; kind: string; trace_id: string }
  client.notifyOdoo({ batches: [id] })
  markBatch({ trace_id, run_id: runId, batch_id: id }, { 'sdmk.batch.kind': kind })
  return id
}

function checkRequest(request: RunRequest, mapping: Mapping) {
  const known = new Set(mapping.professions.map(profession => profession.code))
  const unknown = request.professions?.findIndex(code => !known.has(code)) ?? -1
  if (unknown >= 0) throw new RequestInvalid(`professions/${unknown}`, 'is not a profession of the mapping')
  if (request.professions?.length === 0) throw new RequestInvalid('professions', 'must name a profession, or be absent')
  if (request.mode !== 'window') {
    if (request.changedSince) throw new RequestInvalid('changedSince', 'is allowed only with mode "window"')
    if (request.changedUntil) throw new RequestInvalid('changedUntil', 'is allowed only with mode "window"')
  } else if (!request.changedSince || !request.changedUntil) {
    throw new RequestInvalid(request.changedSince ? 'changedUntil' : 'changedSince', 'is required with mode "window"')
  } else if (request.changedSince >= request.changedUntil) {
    throw new RequestInvalid('changedUntil', 'must be later than changedSince')
  }
}

/** A window in the future would be fetched as an empty one. */
async function checkPresent(client: pg.ClientBase, { changedSince }: RunRequest): Promise<void> {
  if (!changedSince) return
  const { rows } = await client.query<{ isAhead: boolean }>('select $1::timestamptz > now() as "isAhead"', [
    changedSince
  ])
  if (rows[0]?.isAhead) throw new RequestInvalid('changedSince', 'must not be in the future')
}

/**
 * Returns the named professions in the order of the mapping; null for all.
 * @throws RequestInvalid if the mapping has lost all of them, because an empty list must not mean all
 */
function walkedProfessions(named: readonly string[] | null, { professions }: Mapping): string[] | null {
  if (named === null) return null
  const walked = professions
    .filter(({ code, kkiCodes }) => named.includes(code) && kkiCodes.length > 0)
    .map(({ code }) => code)
  if (walked.length === 0)
    throw new RequestInvalid('professions', 'the mapping has none of those that the setting names')
  return walked
}

async function findByIdempotencyKey(
  client: pg.ClientBase,
  { idempotencyKey, caller }: RunOptions,
  digest: Buffer
): Promise<CreatedRun | null> {
  if (idempotencyKey === undefined) return null
  // Two concurrent requests with one key: the second waits here and then finds the run of the first.
  await client.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
    `run ${caller.apiKeyId} ${idempotencyKey}`
  ])
  const { rows } = await client.query<{ id: number; request_digest: Buffer; batch_ids: number[] }>(
    `select r.id, r.request_digest, array(select b.id from kki.batch b where b.run_id = r.id order by b.id) as batch_ids
    from kki.run r where r.idempotency_key = $1 and r.api_key_id is not distinct from $2`,
    [idempotencyKey, caller.apiKeyId]
  )
  if (!rows[0]) return null
  if (!rows[0].request_digest.equals(digest)) throw new IdempotencyConflict()
  return { runId: rows[0].id, batchIds: rows[0].batch_ids, isNew: false }
}

const isOpen = 'finished_at is null and kki.is_walk(mode)'

/** @throws RunOpen if one of this mode is open */
async function insertRun(
  client: pg.ClientBase,
  request: RunRequest,
  professions: string[] | null,
  { triggeredBy, caller, idempotencyKey, slot }: RunOptions,
  digest: Buffer
): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `insert into kki.run (slot, triggered_by, mode, professions, is_filtered, changed_since, changed_until, actor,
      api_key_id, idempotency_key, request_digest, request_id, trace_id, apply_mode, window_since, window_until)
    select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $6, $7
    -- The unique index alone would make this wait for a transaction that closes that run.
    where not exists (select from kki.run where mode = $3 and ${isOpen})
    on conflict (mode) where ${isOpen} do nothing
    returning id`,
    [
      slot ?? null,
      triggeredBy,
      request.mode,
      professions,
      request.professions !== undefined,
      request.changedSince ?? null,
      request.changedUntil ?? null,
      caller.actor,
      caller.apiKeyId,
      idempotencyKey ?? null,
      digest,
      caller.requestId,
      caller.traceId,
      request.apply ?? 'auto'
    ]
  )
  if (rows[0]) return rows[0].id
  const open = await client.query<{ id: number }>(`select id from kki.run where mode = $1 and ${isOpen}`, [
    request.mode
  ])
  throw new RunOpen(request.mode, open.rows[0]?.id ?? 0)
}
