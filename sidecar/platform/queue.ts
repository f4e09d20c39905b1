import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import fp from 'fastify-plugin'
import type pg from 'pg'
import { type Job as BossJob, type ConstructorOptions, type Db, PgBoss } from 'pg-boss'
import { requirePrimary } from './connection.ts'
import { StorableError } from './describe-error.ts'
import { SchemaBehind, SchemaForeign } from './errors.ts'
import { isOutage } from './outage.ts'
import { OutageLog } from './outage-log.ts'
import { type QueueName, queueOptions, queueSchemaVersion, queues } from './queue-schema.ts'
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
  /** Number of the attempt, from 0; together with the id it fences the completion. */
  retryCount: number
  /** Aborted when the process stops, or when the job was given to another worker. */
  signal: AbortSignal
}

export interface SendOptions {
  /** Sends the job within this client's transaction: a rollback removes it. */
  client?: pg.ClientBase
  /** Key for the queue's policy; without one all jobs of the queue share a key. */
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
  /** Returns the trace of a job; by default it starts a new one. */
  idsOf?: (data: T) => Promise<Partial<Ids>>
  /**
   * Called after a handful of attempts ended in an unexpected error, or after many lost their process; the job is then
   * over. Without it the job is retried without limit, and its handler decides when to stop.
   */
  giveUp?: (data: T) => Promise<void>
}

/** Jobs that are handled together may name the work that caused them. */
export interface Traced {
  traceparent?: string
}

const answerPollMs = 100

/** A job throws because of a defect or an outage; a quick retry helps against neither. */
const longestPauseSeconds = 60

/** Attempts that end in an unexpected error before a job fails for good; and attempts in total, including lost processes. */
const maxAttempts = 5
const maxLost = 20

/** Jobs in PostgreSQL: sent within the caller's transaction, handled at least once. */
export interface JobQueue {
  /** Returns the job's id, or `null` if the queue's policy already has a job with that key. */
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
   * Sends a job and resolves to its handler's result (`answer`); `null` if no answer came in time. The job is then
   * cancelled.
   */
  ask(queue: QueueName, data: object, patienceMs: number): Promise<object | null>
  /** Registers a handler whose result is the answer to `ask`. A failed job is not tried again. */
  answer<T extends object>(queue: QueueName, handler: (data: T) => Promise<object>): Promise<void>
  /** Sends many jobs at once, within the client's transaction; for queues that accept every job. */
  sendMany(queue: QueueName, data: readonly object[], client: pg.ClientBase): Promise<void>
  /**
   * Registers a handler of several jobs at a time, which returns for each whether it is done. The others are retried, and
   * all of them if it throws. If all jobs have the same trace (`Traced`), the handler runs in it.
   */
  workMany<T extends object>(
    queue: QueueName,
    handler: (jobs: Job<T>[], signal: AbortSignal) => Promise<Outcome[]>,
    options: { atATime: number }
  ): Promise<void>
  /**
   * Completes a job within the caller's transaction. Returns false if another worker has a newer attempt of the job; the
   * caller should then roll back.
   */
  complete(queue: QueueName, job: Pick<Job<unknown>, 'id' | 'retryCount'>, client: pg.ClientBase): Promise<boolean>
  /** Resolves if the queue's tables answer. */
  check(): Promise<void>
  /**
   * Corrects times that are ahead of the database's clock, because that was ahead and has been set back. pg-boss would wait
   * until it reaches them: with new jobs, with retries, and with the search for lost workers. Returns how many jobs had one.
   */
  followClock(): Promise<number>
  /** Aborts running handlers, waits for them up to the shutdown timeout, and closes the connections. */
  close(): Promise<void>
}

export interface QueueOptions {
  url: string
  shutdownTimeoutSeconds: number
}

/** A worker that has finished its jobs fetches more at once (`notifyWorker`); otherwise it would wait for the next poll. */
const workOptions = {
  pollingIntervalSeconds: 0.5,
  // With notifications on, a worker polls only every 30 s by default, and a retry sends no notification.
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

/**
 * Returns the started queue.
 *
 * @throws SchemaBehind if `sdmk migrate` has not run; SchemaForeign if a newer version's has
 */
export async function createQueue(options: QueueOptions, logger: FastifyBaseLogger): Promise<JobQueue> {
  const boss = new PgBoss({ ...queueOptions(options.url), ...poolOptions(options.url) })
  const outages = new OutageLog(logger)
  boss.on('error', error => apart(() => outages.report(error)))
  boss.on('warning', warning =>
    apart(() => logger.warn({ warning: firstClause(warning.message) }, 'the queue reported a warning'))
  )
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
    async followClock() {
      const db = boss.getDb()
      await db.executeSql(correctQueues)
      const jobs = (await db.executeSql(correctJobs)).rows.length
      if (jobs > 0)
        logger.warn({ jobs }, 'the clock of the database was set back; jobs no longer wait for the former time')
      return jobs
    },
    async close() {
      stopping.abort(new Error('the process stops'))
      outages.close()
      await boss.stop({ graceful: true, timeout: options.shutdownTimeoutSeconds * 1000 })
    }
  }
}

/** A smaller step back of the clock delays nothing for longer than this. */
const ahead = `now() + interval '1 minute'`

/** A job that waits for a retry for longer than ten minutes, twice the longest delay of a queue, has a time of that clock. */
const correctJobs = `
  update pgboss.job
  set start_after = case state
      when 'created' then now() + (start_after - created_on)
      when 'retry' then least(start_after, now())
      else start_after
    end,
    created_on = least(created_on, now()),
    started_on = case when started_on > ${ahead} then now() else started_on end,
    heartbeat_on = case when heartbeat_on > ${ahead} then now() else heartbeat_on end
  where state in ('created', 'retry', 'active')
    and (greatest(created_on, started_on, heartbeat_on) > ${ahead}
      or state = 'retry' and start_after > now() + interval '10 minutes')
  returning id`

const correctQueues = `
  update pgboss.queue
  set monitor_claim_on = least(monitor_claim_on, now()), monitor_on = least(monitor_on, now()),
    maintain_on = least(maintain_on, now())
  where greatest(monitor_claim_on, monitor_on, maintain_on) > ${ahead}`

/** Decorates the app with `queue`; closing the app stops running jobs, which go back to the queue. */
export default fp<QueueOptions>(
  async function queuePlugin(app, options) {
    const queue = await createQueue(options, app.log)
    app.decorate('queue', queue)
    app.addHook('onClose', async () => queue.close())
  },
  { name: 'queue', fastify: '5.x', dependencies: ['database'] }
)

/** The text after the first colon of a warning may be a message of the database. */
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
    const isOfSchema = !(error instanceof SchemaBehind) && error instanceof Error && /pg-boss/.test(error.message)
    // pg-boss reports a newer schema in the words for an older one.
    const found = isOfSchema ? await boss.schemaVersion().catch(() => null) : null
    await boss.stop({ graceful: false })
    if (!isOfSchema) throw error
    if (found !== null && found > queueSchemaVersion) {
      throw new SchemaForeign(
        `The schema of the queue is at version ${found} and this program needs ${queueSchemaVersion}: a newer version has migrated it; start that version`,
        { cause: error }
      )
    }
    throw new SchemaBehind('The schema of the queue is missing or behind', { cause: error })
  }
}

/** Returns the trace that all jobs share; for several traces, a new trace with links to them. */
function together(queue: string, jobs: BossJob<Traced>[]) {
  const origins = jobs.map(({ data }) => parseTraceparent(data?.traceparent)).filter(origin => origin !== null)
  const traces = [...new Map(origins.map(origin => [origin.traceId, origin])).values()]
  const ids = { queue, ...(jobs[0] && { job_id: jobs[0].id }) }
  const [from, ...others] = traces
  if (!from || others.length > 0) return { ids, links: traces }
  return { ids: { ...ids, trace_id: from.traceId }, from }
}

/**
 * Returns what `work` returns. Errors are reduced, because pg-boss stores a handler's error with the job, with message
 * and all fields.
 */
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
      logger.error({ retry_count: job.retryCount }, 'a job failed for good')
      return await giveUp(job.data)
    }
    await handler({ id: job.id, data: job.data, retryCount: job.retryCount, signal })
  } catch (error) {
    const fields = { retry_count: job.retryCount }
    if (signal.aborted) {
      logger.info(fields, 'a job was interrupted and goes back to the queue')
    } else {
      if (giveUp && !isOutage(error) && job.retryCount + 1 >= maxAttempts) {
        logger.error({ ...fields, err: error }, 'a job failed for good')
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
