import fastifySchedule from '@fastify/schedule'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import type pg from 'pg'
import { AsyncTask, CronJob } from 'toad-scheduler'
import type { ChainContext } from '../audit/append.ts'
import { checkChain } from '../audit/check.ts'
import { keepChain } from '../audit/keep-chain.ts'
import type { Config } from '../config.ts'
import type { IdentityKeys } from '../identity/keys.ts'
import type { Mapping } from '../transform/mapping.ts'
import type { RowReader } from '../transform/row-reader.ts'
import { idsOfBatch } from './batch.ts'
import type { BatchJob } from './batch-job.ts'
import { turnClock } from './clock.ts'
import { fetchRun } from './fetch-batch.ts'
import { maintain } from './maintenance.ts'
import { createSyncMetrics, type SyncMetrics } from './metrics.ts'
import { today } from './plan-and-apply.ts'
import { storeProfessions } from './professions.ts'
import { idsOfRun } from './run.ts'
import { runIfDue } from './schedule.ts'
import { ensureSetting } from './settings.ts'
import { readWatermark } from './watermark.ts'
import { workOnBatch } from './work-on-batch.ts'

export interface SyncOptions {
  config: Config
  mapping: Mapping
  reader: RowReader
  /** Records per requested page. */
  pageSize: number
  identity: IdentityKeys
  /** False in a command: scheduled work belongs to the service. */
  keepsTime: boolean
}

/**
 * Registers the handlers of this process's roles, and checks every minute if a run is due; decorates the app with
 * `syncMetrics`.
 */
export default fp<SyncOptions>(
  async function syncPlugin(app, { config, mapping, reader, pageSize, identity, keepsTime }) {
    const { database, queue, log: logger } = app
    const metrics = createSyncMetrics(app, config.timeZone)
    app.decorate('syncMetrics', metrics)
    // Informational only: reads need no watermark, and load balancers use the status.
    app.health.register('watermark', () => watermarkHealth(database.pool))
    await database.withTransaction(client => ensureSetting(client, config.kki.schedule))
    await storeProfessions(database.pool, mapping)
    const chain: ChainContext = { database, logger, keys: identity, memory: { head: null } }
    // Jobs start when the whole app is ready, so that none runs in a process that then fails to start.
    app.addHook('onReady', async () => {
      if (config.roles.includes('fetch')) await workFetch(app, { config, mapping, reader, pageSize, identity, metrics })
      if (config.roles.includes('registry'))
        await workRegistry(app, { config, mapping, reader, identity, metrics, chain })
    })
    const isRelay = config.odoo !== null && config.roles.includes('relay')
    const isRegistry = config.roles.includes('registry')
    if (!isRegistry && !isRelay) return
    await app.register(fastifySchedule)
    if (isRegistry) keepChain(app, chain)
    if (!keepsTime) return
    if (isRelay) {
      app.addHook('onReady', async () =>
        every('odoo compare', '30 3 * * *', async () => void (await queue.send('odoo-compare', {})))
      )
    }
    if (!isRegistry) return
    const context = { database, queue, mapping, logger, timeZone: config.timeZone }
    const clock = async () =>
      void (await turnClock({ database, metrics, logger }, await today(database.pool, config.timeZone)))
    const followClock = async () => void (await queue.followClock())
    app.addHook('onReady', async () => {
      every('clock', '1 0 * * *', clock)
      every('schedule', '* * * * *', () => runIfDue(context, new Date()))
      every('queue clock', '* * * * *', followClock)
      every('maintenance', '*/5 * * * *', async () => void (await queue.send('kki-maintenance', {})))
      every('audit check', '7 * * * *', async () => void (await queue.send('audit-check', {})))
      // The schedule repeats failed work; the service starts without it.
      for (const [task, work] of [
        ['queue clock', followClock],
        ['clock', clock],
        ['schedule', () => runIfDue(context, new Date())]
      ] as const) {
        await work().catch(error => logger.error({ err: error, task }, 'a scheduled task failed'))
      }
    })

    function every(id: string, cronExpression: string, work: () => Promise<void>) {
      const task = new AsyncTask(id, work, error => logger.error({ err: error, task: id }, 'a scheduled task failed'))
      const options = { id, preventOverrun: true }
      app.scheduler.addCronJob(new CronJob({ cronExpression, timezone: config.timeZone }, task, options))
    }
  },
  { name: 'sync', fastify: '5.x', dependencies: ['database', 'health', 'queue', 'metrics'] }
)

async function watermarkHealth(pool: pg.Pool) {
  const watermark = await readWatermark(pool).catch(() => null)
  if (!watermark?.isAhead) return
  const position = watermark.position.toISOString()
  return {
    warning: `the watermark (${position}) is later than the clock of the database; see docs/operate/watermark.md`
  }
}

type WorkOptions = Omit<SyncOptions, 'keepsTime' | 'pageSize'> & { metrics: SyncMetrics }

async function workFetch(
  app: FastifyInstance,
  { config, mapping, reader, pageSize, identity, metrics }: WorkOptions & Pick<SyncOptions, 'pageSize'>
): Promise<void> {
  const { database, queue, kki, log: logger } = app
  const { batchRows, maxPages, overlapSeconds, settleSeconds, maxSkewSeconds } = config.kki
  const context = {
    database,
    queue,
    kki,
    mapping,
    identity,
    metrics,
    logger,
    transform: reader.transform,
    options: { pageSize, batchRows, maxPages, overlapSeconds, settleSeconds, maxSkewSeconds }
  }
  await queue.work<{ runId: number }>('kki-fetch', ({ data: { runId }, signal }) => fetchRun(context, runId, signal), {
    concurrency: config.workers,
    idsOf: ({ runId }) => idsOfRun(database.pool, runId)
  })
}

async function workRegistry(
  app: FastifyInstance,
  { config, mapping, reader, identity, metrics, chain }: WorkOptions & { chain: ChainContext }
): Promise<void> {
  const { database, queue, log: logger } = app
  const { timeZone, rejectHoldRatio } = config
  const context = { database, queue, identity, metrics, logger, timeZone, rejectHoldRatio }
  const review = { queue, identity, mapping, reader, maxSkewSeconds: config.kki.storedSkewSeconds }
  await queue.work<BatchJob>('kki-apply', ({ data, signal }) => workOnBatch(context, review, data, signal), {
    concurrency: config.workers,
    idsOf: ({ batchId }) => idsOfBatch(database.pool, batchId)
  })
  await queue.work('audit-check', () => checkChain(chain), {
    concurrency: 1,
    // The schedule soon starts another one.
    giveUp: async () => metrics.jobFailed('audit_check')
  })
  const { rawRetentionDays, disclosureRetentionDays } = config
  const maintenance = { database, metrics, logger, timeZone, rawRetentionDays, disclosureRetentionDays }
  await queue.work('kki-maintenance', () => maintain(maintenance), {
    concurrency: 1,
    giveUp: async () => metrics.jobFailed('maintenance')
  })
}
