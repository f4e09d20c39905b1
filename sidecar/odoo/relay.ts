import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import type { Job, Outcome } from '../platform/queue.ts'
import { OdooRefused } from './errors.ts'
import { chunks, type PeopleJob, type StateJob } from './jobs.ts'
import type { OdooLink } from './link.ts'
import {
  batchesPayload,
  integrationPayload,
  type Payload,
  type PeopleIds,
  peoplePayload,
  readChangedPeople,
  readPeopleBetween
} from './payloads.ts'

export interface RelayContext {
  pool: pg.Pool
  link: OdooLink
  logger: FastifyBaseLogger
  timeZone: string
}

/** Jobs that are folded into as few calls as they need: after an outage many of them mean the same records. */
export const jobsAtATime = { state: 200, people: 20 }

/** Calls with people under way at a time; no person is in two of them. */
const callsInFlight = 2

/** Tells Odoo what the batches, rejections and the setting of these jobs are now. */
export function relayState(context: RelayContext, jobs: Job<StateJob>[], signal: AbortSignal): Promise<Outcome[]> {
  return together(context, jobs, async some => {
    const { pool, link, timeZone } = context
    const requestId = requestIdOf(some)
    const batches = distinct(some.flatMap(({ data }) => data.batches ?? []))
    const rejections = chunks(distinct(some.flatMap(({ data }) => data.rejections ?? [])))
    for (const part of chunks(batches)) {
      await link.deliver(await batchesPayload(pool, { batches: part, rejections: [] }), { requestId, signal })
    }
    for (const part of rejections) {
      await link.deliver(await batchesPayload(pool, { batches: [], rejections: part }), { requestId, signal })
    }
    if (some.some(({ data }) => data.setting)) {
      await link.deliver(await integrationPayload(pool, timeZone), { requestId, signal })
    }
  })
}

/** Tells Odoo what the people of these jobs and their registrations are now. */
export function relayPeople(context: RelayContext, jobs: Job<PeopleJob>[], signal: AbortSignal): Promise<Outcome[]> {
  return together(context, jobs, async some => {
    const requestId = requestIdOf(some)
    const repairs = some.filter(({ data }) => 'from' in data && !('batchId' in data))
    const calls: (() => Promise<Payload>)[] = repairs.map(
      ({ data }) =>
        () =>
          repairPayload(context.pool, data as Range)
    )
    const asked = await Promise.all(
      some
        .filter(job => !repairs.includes(job))
        .map(({ data }) => idsOf(context.pool, data as Exclude<PeopleJob, Range>))
    )
    const people = distinct(asked.flatMap(ids => ids.people))
    for (const part of chunks(people))
      calls.push(() => peoplePayload(context.pool, { people: part, registrations: [] }))
    for (const part of chunks(distinct(asked.flatMap(ids => ids.registrations)))) {
      calls.push(() => peoplePayload(context.pool, { people: [], registrations: part }))
    }
    const remaining = calls.values()
    const work = async () => {
      for (const makePayload of remaining) await context.link.deliver(await makePayload(), { requestId, signal })
    }
    await Promise.all(Array.from({ length: callsInFlight }, work))
  })
}

type Range = { from: number; to: number }

async function idsOf(
  pool: pg.Pool,
  job: Exclude<PeopleJob, Range> | ({ batchId: number } & Range)
): Promise<PeopleIds> {
  return 'people' in job ? { people: job.people, registrations: [] } : readChangedPeople(pool, job)
}

/** Everybody of a range, so that Odoo can drop whom it has beyond, and take even what it believes to have newer. */
async function repairPayload(pool: pg.Pool, range: Range): Promise<Payload> {
  const people = await readPeopleBetween(pool, range)
  const made = await peoplePayload(pool, { people, registrations: [] })
  const head = JSON.stringify({ repair: { health_workers: [range.from, range.to] } }).slice(0, -1)
  return { ...made, payload: `${head}, ${made.payload.slice(1)}` }
}

/**
 * Does all jobs at once. What Odoo refuses is then tried job by job, so that one that it cannot take holds up none of the
 * others; that one goes back to the queue.
 */
async function together<T>(
  { logger }: RelayContext,
  jobs: Job<T>[],
  work: (some: Job<T>[]) => Promise<void>
): Promise<Outcome[]> {
  try {
    await work(jobs)
    return jobs.map(({ id }) => ({ id, isDone: true }))
  } catch (error) {
    if (!(error instanceof OdooRefused)) throw error
    if (jobs.length === 1) {
      logger.error({ err: error, jobId: jobs[0]?.id }, 'Odoo refuses rows; they are sent again later')
      return jobs.map(({ id }) => ({ id, isDone: false }))
    }
  }
  const outcomes: Outcome[] = []
  for (const job of jobs) outcomes.push(...(await together({ logger } as RelayContext, [job], work)))
  return outcomes
}

function requestIdOf(jobs: Job<unknown>[]): string {
  return `odoo-${jobs[0]?.id}`
}

function distinct(ids: number[]): number[] {
  return [...new Set(ids)].sort((a, b) => a - b)
}
