import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import type pg from 'pg'
import { type Job as BossJob, type ConstructorOptions, type Db, PgBoss } from 'pg-boss'
import { requirePrimary } from './connection.ts'
import { StorableError } from './describe-error.ts'
import { SchemaBehind } from './errors.ts'
import { isOutage } from './outage.ts'
import { OutageLog } from './outage-log.ts'
import { type QueueName, queueOptions, queues } from './queue-schema.ts'
import { parseTraceparent } from './trace-context.ts'
import { apart, type Ids, inSpan } from './tracing.ts'

export { type QueueName, queues } from './queue-schema.ts'

declare module 'fastify' {
  interface FastifyInstance {
    queue: JobQueue
  }
}

export interface Job<T> {
  id: string
  data: T
  /** Which attempt this is, from 0; with the id it fences a completion. */
  retryCount: number
  /** Aborted when the process stops, or when the job was given to another worker. */
  signal: AbortSignal
}

export interface SendOptions {
  /** The job is sent with this client's transaction: rolled back, it was never there. */
  client?: pg.ClientBase
  /** What the queue's policy counts by; without one all jobs of the queue count as one key. */
  singletonKey?: string
  startAfterSeconds?: number
}

export interface Outcome {
  id: string
  isDone: boolean
}

export interface WorkOptions<T = object> {
  /** Jobs of this queue that this process handles at a time. */
  concurrency: number
  /** Returns what a job belongs to; by default it begins a trace of its own. */
  idsOf?: (data: T) => Promise<Partial<Ids>>
  /**
   * Called where a job has met an unexpected error in each of a handful of attempts, or lost its process in many; the job
   * is then over. Without it the job is tried again without end, and its handler is to say when that is enough.
   */
  giveUp?: (data: T) => Promise<void>
}

/** Jobs that are handled together may say which work made them necessary. */
export interface Traced {
  traceparent?: string
}

const answerPollMs = 100

/** A job that throws does so because of a defect, or of what is away: neither is cured by haste. */
const longestPauseSeconds = 60

/** Attempts that may end in an unexpected error before a job is given up; and attempts in all, of which a process saw no end. */
const maxAttempts = 5
const maxLost = 20

/** Jobs in PostgreSQL: sent within the caller's transaction, handled at least once. */
export interface JobQueue {
  /** Returns the job's id, or `null` where the queue's policy holds one of that key already. */
  send(queue: QueueName, data: object, options?: SendOptions): Promise<string | null>
  /**
   * Registers a handler. The job is complete when it resolves; when it throws, or its worker is lost, the job is tried
   * again.
   */
  work<T extends object>(
    queue: QueueName,
    handler: (job: Job<T>) => Promise<void>,
    options: WorkOptions<T>
  ): Promise<void>
  /**
   * Sends a job and resolves to what its handler answers (`answer`); `null` where no answer came in time. The job is
   * cancelled then.
   */
  ask(queue: QueueName, data: object, patienceMs: number): Promise<object | null>
  /** Registers a handler whose result is the answer to `ask`. A job that fails is not tried again. */
  answer<T extends object>(queue: QueueName, handler: (data: T) => Promise<object>): Promise<void>
  /** Sends many jobs at once, within the client's transaction; for queues that take every job. */
  sendMany(queue: QueueName, data: readonly object[], client: pg.ClientBase): Promise<void>
  /**
   * Registers a handler of several jobs at a time, which says for each whether it is done; the others, and all of them
   * where it throws, are tried again. Where all go on with one trace (`Traced`), so does the handler.
   */
  workMany<T extends object>(
    queue: QueueName,
    handler: (jobs: Job<T>[], signal: AbortSignal) => Promise<Outcome[]>,
    options: { atATime: number }
  ): Promise<void>
  /**
   * Completes a job within the caller's transaction. Returns false if the attempt is not the present one: another worker
   * has the job, and the transaction should be rolled back.
   */
  complete(queue: QueueName, job: Pick<Job<unknown>, 'id' | 'retryCount'>, client: pg.ClientBase): Promise<boolean>
  /** Resolves if the queue's tables answer. */
  check(): Promise<void>
  /** Aborts the running handlers, waits for them up to the shutdown timeout, and closes the connections. */
  close(): Promise<void>
}

export interface QueueOptions {
  url: string
  shutdownTimeoutSeconds: number
}

/** Each worker that has done what it took looks for more at once (`notifyWorker`): by itself, pg-boss polls no faster. */
const workOptions = {
  pollingIntervalSeconds: 0.5,
  // With notifications on, a worker polls every 30 s by default, and a retry notifies nobody.
  notifyPollingIntervalSeconds: 0.5,
  heartbeatRefreshSeconds: 2
}

/** pg-boss hands these to its pool; its own types name some of them. */
function poolOptions(url: string): ConstructorOptions {
  const options = {
    // A frozen server answers nothing. Statements of the queue take milliseconds.
    query_timeout: 60_000,
    onConnect: (client: pg.ClientBase) => requirePrimary(client, url)
  }
  return options as ConstructorOptions
}

/** Returns the started queue. @throws SchemaBehind where `sdmk migrate` has not run. */
export async function createQueue(options: QueueOptions, logger: FastifyBaseLogger): Promise<JobQueue> {
  const boss = new PgBoss({ ...queueOptions(options.url), ...poolOptions(options.url) })
  const outages = new OutageLog(logger)
  boss.on('error', error => apart(() => outages.report(error)))
  boss.on('warning', warning => apart(() => logger.warn({ warning: firstClause(warning.message) }, 'the queue warns')))
  await start(boss)
  const stopping = new AbortController()
  return {
    send: (queue, data, { client, singletonKey, startAfterSeconds } = {}) =>
      boss.send(queue, data, {
        ...(client && { db: asDb(client) }),
        ...(singletonKey !== undefined && { singletonKey }),
        ...(startAfterSeconds !== undefined && { startAfter: startAfterSeconds })
      }),
    async work<T extends object>(queue: QueueName, handler: (job: Job<T>) => Promise<void>, work: WorkOptions<T>) {
      for (let n = 0; n < work.concurrency; n++) {
        const worker = await boss.work<T>(queue, { ...workOptions, batchSize: 1 }, async jobs => {
          for (const job of jobs) {
            await storable(async () => {
              const ids = { queue, job_id: job.id, ...(await work.idsOf?.(job.data)) }
              await inSpan(queue, { ids, kind: 'consumer' }, () =>
                handle(job, { handler, giveUp: work.giveUp }, stopping.signal, logger)
              )
            })
          }
          boss.notifyWorker(worker)
        })
      }
    },
    async ask(queue, data, patienceMs) {
      const id = await boss.send(queue, data)
      if (id === null) return null
      for (const until = Date.now() + patienceMs; Date.now() < until; await sleep(answerPollMs)) {
        const [job] = await boss.findJobs(queue, { id })
        if (job?.state === 'completed') return job.output
        if (job === undefined || job.state === 'failed' || job.state === 'cancelled') return null
      }
      await boss.cancel(queue, id)
      return null
    },
    async answer<T extends object>(queue: QueueName, handler: (data: T) => Promise<object>) {
      await boss.work<T>(queue, { ...workOptions, batchSize: 1 }, ([job]) =>
        storable(() =>
          inSpan(queue, { ids: { queue, ...(job && { job_id: job.id }) }, kind: 'consumer' }, async () => {
            if (job !== undefined) return handler(job.data)
          })
        )
      )
    },
    async sendMany(queue, data, client) {
      await boss.insert(
        queue,
        data.map(item => ({ data: item })),
        { db: asDb(client) }
      )
    },
    async workMany<T extends object>(
      queue: QueueName,
      handler: (jobs: Job<T>[], signal: AbortSignal) => Promise<Outcome[]>,
      { atATime }: { atATime: number }
    ) {
      const worker = await boss.work<T>(
        queue,
        { ...workOptions, batchSize: atATime, perJobResults: true },
        async jobs => {
          const signal = AbortSignal.any([stopping.signal, ...jobs.map(job => job.signal)])
          const outcomes = await storable(() =>
            inSpan(queue, { kind: 'consumer', ...together(queue, jobs) }, () =>
              handler(jobs, signal).catch(error => {
                const fields = { jobs: jobs.length, retry_count: jobs[0]?.retryCount }
                if (signal.aborted) logger.info(fields, 'jobs were interrupted and go back to the queue')
                else logger.error({ ...fields, err: error }, 'jobs failed and go back to the queue')
                throw error
              })
            )
          )
          if (outcomes.length === atATime && outcomes.every(({ isDone }) => isDone)) boss.notifyWorker(worker)
          return outcomes.map(({ id, isDone }) => ({ id, status: isDone ? 'completed' : 'failed' }))
        }
      )
    },
    async complete(queue, job, client) {
      const answer = await boss.complete(queue, job, null, { db: asDb(client) })
      return (answer as { affected?: number }).affected === 1
    },
    async check() {
      await boss.getQueue('kki-fetch')
    },
    async close() {
      stopping.abort(new Error('the process stops'))
      outages.close()
      await boss.stop({ graceful: true, timeout: options.shutdownTimeoutSeconds * 1000 })
    }
  }
}

/** Decorates the app with `queue`; running jobs are ended with the app and go back to the queue. */
export default fp<QueueOptions>(
  async function queuePlugin(app, options) {
    const queue = await createQueue(options, app.log)
    app.decorate('queue', queue)
    app.addHook('onClose', async () => queue.close())
  },
  { name: 'queue', fastify: '5.x', dependencies: ['database'] }
)

/** What follows the first colon of a warning may be a message of the database. */
function firstClause(text: string): string | undefined {
  return /^(?:Warning: )?[^:]*/.exec(text)?.[0]
}

async function start(boss: PgBoss) {
  try {
    await boss.start()
    const present = new Set((await boss.getQueues()).map(queue => queue.name))
    const missing = Object.keys(queues).find(name => !present.has(name))
    if (missing) throw new SchemaBehind(`The queue ${missing} does not exist`)
  } catch (error) {
    await boss.stop({ graceful: false })
    if (error instanceof SchemaBehind || !(error instanceof Error) || !/pg-boss/.test(error.message)) throw error
    throw new SchemaBehind('The schema of the queue is missing or behind', { cause: error })
  }
}

/** Returns the one trace that jobs go on with; where they are of several, the traces that a trace of its own stands for. */
function together(queue: string, jobs: BossJob<Traced>[]) {
  const origins = jobs.map(({ data }) => parseTraceparent(data?.traceparent)).filter(origin => origin !== null)
  const traces = [...new Map(origins.map(origin => [origin.traceId, origin])).values()]
  const ids = { queue, ...(jobs[0] && { job_id: jobs[0].id }) }
  const [from, ...others] = traces
  if (!from || others.length > 0) return { ids, links: traces }
  return { ids: { ...ids, trace_id: from.traceId }, from }
}

/** Returns what `work` returns. pg-boss stores with the job what its handler throws, messages and all fields. */
async function storable<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw new StorableError(error)
  }
}

async function handle<T>(
  job: BossJob<T>,
  { handler, giveUp }: { handler: (job: Job<T>) => Promise<void>; giveUp: ((data: T) => Promise<void>) | undefined },
  stopping: AbortSignal,
  logger: FastifyBaseLogger
) {
  const signal = AbortSignal.any([job.signal, stopping])
  try {
    if (giveUp && job.retryCount >= maxLost) {
      logger.error({ retry_count: job.retryCount }, 'a job was given up')
      return await giveUp(job.data)
    }
    await handler({ id: job.id, data: job.data, retryCount: job.retryCount, signal })
  } catch (error) {
    const fields = { retry_count: job.retryCount }
    if (signal.aborted) {
      logger.info(fields, 'a job was interrupted and goes back to the queue')
    } else {
      if (giveUp && !isOutage(error) && job.retryCount + 1 >= maxAttempts) {
        logger.error({ ...fields, err: error }, 'a job was given up')
        return giveUp(job.data)
      }
      logger.error({ ...fields, err: error }, 'a job failed and goes back to the queue')
      await sleep(Math.min(2 ** job.retryCount, longestPauseSeconds) * 1000, undefined, { signal }).catch(
        () => undefined
      )
    }
    throw error
  }
}

function asDb(client: pg.ClientBase): Db {
  return { executeSql: (text, values) => client.query(text, values) }
}
