import type { FastifyBaseLogger } from 'fastify'
import type { Job, Outcome } from '../platform/queue.ts'
import { OdooRefused } from './errors.ts'
import { chunks, type PeopleJob, type StateJob } from './jobs.ts'
import type { Delivery } from './link.ts'
import { auditHeadPayload, deskPayload, integrationPayload, peoplePayload, readChangedPeople } from './payloads.ts'
import { type RepairContext, repairDesk, repairPeople } from './repair.ts'
import { codesPayload, professionsPayload } from './words.ts'

export interface RelayContext extends RepairContext {
  logger: FastifyBaseLogger
  timeZone: string
}

/** Jobs that are folded into as few calls as they need: after an outage many of them mean the same records. */
export const jobsAtATime = { state: 200, people: 20 }

/** Calls with people under way at a time. */
const lanes = 2

/** Tells Odoo what the batches, rejections and the setting of these jobs are now. */
export function relayState(context: RelayContext, jobs: Job<StateJob>[], signal: AbortSignal): Promise<Outcome[]> {
  return together(context, jobs, async some => {
    const { pool, link, timeZone } = context
    const delivery = { requestId: requestIdOf(some), signal }
    const data = some.map(job => job.data)
    if (data.some(({ words }) => words)) {
      for (const payload of [await professionsPayload(pool), codesPayload()]) await link.deliver(payload, delivery)
    }
    for (const batches of chunks(distinct(data.flatMap(job => job.batches ?? [])))) {
      await link.deliver(await deskPayload(pool, { batches, rejections: [] }), delivery)
    }
    for (const rejections of chunks(distinct(data.flatMap(job => job.rejections ?? [])))) {
      await link.deliver(await deskPayload(pool, { batches: [], rejections }), delivery)
    }
    for (const { repair } of data) if (repair) await repairDesk(context, repair, delivery)
    if (data.some(({ auditHead }) => auditHead)) await link.deliver(await auditHeadPayload(pool), delivery)
    if (data.some(({ setting }) => setting)) await link.deliver(await integrationPayload(pool, timeZone), delivery)
  })
}

/** Tells Odoo what the people of these jobs and their registrations are now. */
export function relayPeople(context: RelayContext, jobs: Job<PeopleJob>[], signal: AbortSignal): Promise<Outcome[]> {
  return together(context, jobs, async some => {
    const delivery = { requestId: requestIdOf(some), signal }
    await inLanes(await peopleTasks(context, some, delivery))
  })
}

/** One task for each call: its rows are read when its turn comes, so that no more than a call's rows are held in a lane. */
async function peopleTasks(
  context: RelayContext,
  jobs: Job<PeopleJob>[],
  delivery: Delivery
): Promise<(() => Promise<unknown>)[]> {
  const { pool, link } = context
  const tasks: (() => Promise<unknown>)[] = []
  const people: number[] = []
  const registrations: number[] = []
  for (const { data } of jobs) {
    if ('repair' in data) {
      tasks.push(() => repairPeople(context, data.repair, delivery))
    } else if ('people' in data) {
      people.push(...data.people)
    } else {
      const changed = await readChangedPeople(pool, data.changesOf)
      people.push(...changed.people)
      registrations.push(...changed.registrations)
    }
  }
  for (const part of chunks(distinct(people))) {
    tasks.push(async () => link.deliver(await peoplePayload(pool, { people: part, registrations: [] }), delivery))
  }
  for (const part of chunks(distinct(registrations))) {
    tasks.push(async () => link.deliver(await peoplePayload(pool, { people: [], registrations: part }), delivery))
  }
  return tasks
}

/** Does the tasks, some at a time. After one has failed no other begins, and its error is thrown when none is under way. */
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
 * Does all jobs at once. What Odoo refuses is then tried job by job, so that one that it cannot take holds up none of the
 * others; that one goes back to the queue.
 */
async function together<T>(
  context: RelayContext,
  jobs: Job<T>[],
  work: (some: Job<T>[]) => Promise<void>
): Promise<Outcome[]> {
  try {
    await work(jobs)
    return jobs.map(({ id }) => ({ id, isDone: true }))
  } catch (error) {
    if (!(error instanceof OdooRefused)) throw error
    if (jobs.length === 1) {
      context.logger.error({ err: error, job_id: jobs[0]?.id }, 'Odoo refuses rows; they are sent again later')
      return jobs.map(({ id }) => ({ id, isDone: false }))
    }
  }
  const outcomes: Outcome[] = []
  for (const job of jobs) outcomes.push(...(await together(context, [job], work)))
  return outcomes
}

function requestIdOf(jobs: Job<unknown>[]): string {
  return `odoo-${jobs[0]?.id}`
}

function distinct(ids: number[]): number[] {
  return [...new Set(ids)].sort((a, b) => a - b)
}
