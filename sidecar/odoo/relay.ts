import { isDeepStrictEqual } from 'node:util'
import type { FastifyBaseLogger } from 'fastify'
import type { Job, Outcome, Traced } from '../platform/queue.ts'
import { sendAuditHead } from './audit-heads.ts'
import { chunks, type PeopleJob, type Range, type StateJob } from './jobs.ts'
import type { Delivery } from './link.ts'
import { integrationPayload, type Payload, peoplePayload, readChangedPeople, reviewPayload } from './payloads.ts'
import { type RepairContext, repairPeople, repairReview } from './repair.ts'
import { halveList, halveRange, tellApart } from './split.ts'
import { codesPayload, professionsPayload } from './words.ts'

export interface RelayContext extends RepairContext {
  logger: FastifyBaseLogger
  timeZone: string
  /** Sends separate jobs for records that could not be sent with others. */
  resend(queue: 'odoo-state' | 'odoo-people', data: object[]): Promise<void>
}

/** Jobs that are combined into as few calls as possible: after an outage many of them name the same records. */
export const jobsAtATime = { state: 200, people: 20 }

/** Concurrent calls with people. */
const lanes = 2

/** Sends Odoo the present state of the batches, rejections and the setting of these jobs. */
export function relayState(context: RelayContext, jobs: Job<StateJob>[], signal: AbortSignal): Promise<Outcome[]> {
  return relay(context, stateRelay, jobs, signal)
}

/** Sends Odoo the present state of the people of these jobs and their registrations. */
export function relayPeople(context: RelayContext, jobs: Job<PeopleJob>[], signal: AbortSignal): Promise<Outcome[]> {
  return relay(context, peopleRelay, jobs, signal)
}

/** How the jobs of one queue are sent. */
interface Relay<T> {
  queue: 'odoo-state' | 'odoo-people'
  /** Sends all records of these jobs. */
  tell(call: RelayCall<T>, data: T[]): Promise<void>
  /** Returns the payload of a call without records. */
  nothing(context: RelayContext): Promise<Payload>
}

/** Jobs that are sent together. */
interface RelayCall<T> {
  context: RelayContext
  delivery: Delivery
  probe(): Promise<unknown>
  /** Remembers one record that cannot be sent, as a job for it alone. */
  leaveOut(record: T, error: unknown): void
}

const stateRelay: Relay<StateJob> = {
  queue: 'odoo-state',
  nothing: ({ pool }) => reviewPayload(pool, { batches: [], rejections: [] }),
  async tell({ context, delivery, probe, leaveOut }, data) {
    const { pool, link, timeZone } = context
    const { signal } = delivery
    const steps: (() => Promise<unknown>)[] = []
    if (data.some(({ words }) => words)) {
      steps.push(async () => link.deliver(await professionsPayload(pool), delivery))
      steps.push(() => link.deliver(codesPayload(), delivery))
    }
    for (const key of ['batches', 'rejections'] as const) {
      const tell = async (ids: number[]) =>
        link.deliver(await reviewPayload(pool, { batches: [], rejections: [], [key]: ids }), delivery)
      const split = { tell, halve: halveList, probe, signal }
      for (const part of chunks(distinct(data.flatMap(job => job[key] ?? [])))) {
        steps.push(() => tellApart(part, { ...split, leaveOut: (ids, error) => leaveOut({ [key]: ids }, error) }))
      }
    }
    for (const { repair } of data) {
      if (!repair) continue
      const tell = (part: typeof repair) => repairReview(context, part, delivery)
      const split = { tell, halve: halveRange<typeof repair>, probe, signal }
      steps.push(() => tellApart(repair, { ...split, leaveOut: (part, error) => leaveOut({ repair: part }, error) }))
    }
    if (data.some(({ auditHead }) => auditHead)) steps.push(() => sendAuditHead({ pool, link }, delivery))
    if (data.some(({ setting }) => setting))
      steps.push(async () => link.deliver(await integrationPayload(pool, timeZone), delivery))
    await inTurn(steps, signal)
  }
}

const peopleRelay: Relay<PeopleJob> = {
  queue: 'odoo-people',
  nothing: ({ pool }) => peoplePayload(pool, { people: [], registrations: [] }),
  async tell(call, data) {
    await inLanes(await peopleTasks(call, data))
  }
}

/** One task for each call. It reads its rows when it starts, so that each lane holds the rows of one call at most. */
async function peopleTasks(
  { context, delivery, probe, leaveOut }: RelayCall<PeopleJob>,
  data: PeopleJob[]
): Promise<(() => Promise<unknown>)[]> {
  const { pool, link } = context
  const { signal } = delivery
  const tasks: (() => Promise<unknown>)[] = []
  const ids = { people: [] as number[], registrations: [] as number[] }
  for (const job of data) {
    if ('repair' in job) {
      const tell = (part: Range) => repairPeople(context, part, delivery)
      const split = { tell, halve: halveRange<Range>, probe, signal }
      tasks.push(() =>
        tellApart(job.repair, { ...split, leaveOut: (part, error) => leaveOut({ repair: part }, error) })
      )
    } else if ('changesOf' in job) {
      const changed = await readChangedPeople(pool, job.changesOf)
      ids.people.push(...changed.people)
      ids.registrations.push(...changed.registrations)
    } else {
      ids.people.push(...(job.people ?? []))
      ids.registrations.push(...(job.registrations ?? []))
    }
  }
  for (const key of ['people', 'registrations'] as const) {
    const tell = async (part: number[]) =>
      link.deliver(await peoplePayload(pool, { people: [], registrations: [], [key]: part }), delivery)
    const split = { tell, halve: halveList, probe, signal }
    for (const part of chunks(distinct(ids[key]))) {
      tasks.push(() => tellApart(part, { ...split, leaveOut: (one, error) => leaveOut({ [key]: one }, error) }))
    }
  }
  return tasks
}

/** Runs the steps one after the other, even after one fails; then throws its error. */
async function inTurn(steps: (() => Promise<unknown>)[], signal: AbortSignal): Promise<void> {
  const errors: unknown[] = []
  for (const step of steps) {
    await step().catch(error => errors.push(error))
    signal.throwIfAborted()
  }
  if (errors.length > 0) throw errors[0]
}

/** Runs the tasks, some at a time. After one has failed no other starts, and its error is thrown when none runs any more. */
async function inLanes(tasks: (() => Promise<unknown>)[]): Promise<void> {
  const remaining = tasks.values()
  const work = async () => {
    for (const task of remaining) {
      await task().catch(error => {
        for (const _ of remaining);
        throw error
      })
    }
  }
  const results = await Promise.allSettled(Array.from({ length: lanes }, work))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/**
 * Sends jobs at once, so that one call covers many of them. A job for one record that failed before is sent separately:
 * among others it would have to be found again.
 */
async function relay<T extends Traced>(
  context: RelayContext,
  kind: Relay<T>,
  jobs: Job<T>[],
  signal: AbortSignal
): Promise<Outcome[]> {
  const { apart = [], others = [] } = Object.groupBy(jobs, ({ retryCount, data }) =>
    retryCount > 0 && isOfOne(data) ? 'apart' : 'others'
  )
  const outcomes = others.length === 0 ? [] : await together(context, kind, others, signal)
  for (const job of apart) outcomes.push(...(await together(context, kind, [job], signal)))
  return outcomes
}

/**
 * Sends all jobs at once. A record that cannot be sent goes back to the queue as a separate job. If no record is the
 * cause of the failure, the jobs are sent one by one, so that one does not delay the others; that one goes back to the
 * queue.
 * @throws what fails a call without records too: Odoo or the database is unavailable
 */
async function together<T extends Traced>(
  context: RelayContext,
  kind: Relay<T>,
  jobs: Job<T>[],
  signal: AbortSignal
): Promise<Outcome[]> {
  const { link, logger } = context
  const delivery = { requestId: `odoo-${jobs[0]?.id}`, signal }
  const probe = async () => link.deliver(await kind.nothing(context), delivery)
  const leftOut: T[] = []
  const leaveOut = (record: T, error: unknown) => {
    leftOut.push(record)
    logger.error(
      { err: error, left_out: JSON.stringify(record) },
      'a record cannot be sent to Odoo; it is tried again later'
    )
  }
  try {
    const data = jobs.map(job => job.data)
    await kind.tell({ context, delivery, probe, leaveOut }, data)
  } catch (error) {
    signal.throwIfAborted()
    await probe()
    if (jobs.length === 1) {
      logger.error({ err: error, job_id: jobs[0]?.id }, 'a job cannot be sent to Odoo; it is tried again later')
      return jobs.map(({ id }) => ({ id, isDone: false }))
    }
    const outcomes: Outcome[] = []
    for (const job of jobs) outcomes.push(...(await together(context, kind, [job], signal)))
    return outcomes
  }
  const again = await keepLeftOut(context, kind, jobs, leftOut)
  return jobs.map(({ id }) => ({ id, isDone: !again.has(id) }))
}

/** Returns the jobs that contain only a record that was left out; for other records that were left out it sends jobs. */
async function keepLeftOut<T extends Traced>(
  { resend }: RelayContext,
  { queue }: Relay<T>,
  jobs: Job<T>[],
  leftOut: T[]
): Promise<Set<string>> {
  const again = new Set<string>()
  const others: T[] = []
  for (const record of leftOut) {
    const own = jobs.find(({ data: { traceparent: _, ...data } }) => isDeepStrictEqual(data, record))
    if (own) again.add(own.id)
    else others.push(record)
  }
  if (others.length > 0) await resend(queue, others)
  return again
}

/** True for a job of one record, as `leaveOut` makes them. */
function isOfOne({ traceparent: _, ...data }: Traced): boolean {
  const [records, ...more] = Object.values(data) as (number[] | Range | undefined)[]
  if (more.length > 0 || typeof records !== 'object') return false
  return Array.isArray(records) ? records.length === 1 : records.from !== undefined && records.from === records.to
}

function distinct(ids: number[]): number[] {
  return [...new Set(ids)].sort((a, b) => a - b)
}
