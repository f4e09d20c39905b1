import type pg from 'pg'
import type { OdooConfig } from '../config.ts'
import type { OdooNotice, OdooOutbox } from '../platform/database.ts'
import type { JobQueue, Traced } from '../platform/queue.ts'
import { formatTraceparent } from '../platform/trace-context.ts'
import { presentContext } from '../platform/tracing.ts'

/** Records to send to Odoo in their state at the time of the job, and not at the time of its notice. */
export interface StateJob extends Traced {
  batches?: number[]
  rejections?: number[]
  setting?: true
  /** The end of the audit chain. */
  auditHead?: true
  /** The texts of this release: professions and codes. */
  words?: true
  /** All batches or rejections of a range, even if Odoo's versions are newer. */
  repair?: { key: RepairKey } & Range
}

export type RepairKey = 'batches' | 'rejections'

/** Ids, first and last. */
export interface Range {
  from: number
  to: number
}

/**
 * People and their registrations: given people, the people of given registrations, the people in a range of a batch's change
 * records, or a whole range of people, even if Odoo's versions are newer.
 */
export type PeopleJob = Traced &
  ({ people?: number[]; registrations?: number[] } | { changesOf: { batchId: number } & Range } | { repair: Range })

/** Rows of one call; with more, Odoo is not faster and needs more memory. */
export const rowsPerCall = 5000

/**
 * Returns a function that sends the jobs for a transaction's notices within it: both are committed, or neither. Without an
 * Odoo it drops the notices.
 */
export function createOdooOutbox(odoo: OdooConfig | null, queue: Pick<JobQueue, 'sendMany'>): OdooOutbox {
  if (odoo === null) return async () => {}
  return async (transaction, notices) => {
    const state = (await stateJobs(transaction, notices)).map(withOrigin)
    if (state.length > 0) await queue.sendMany('odoo-state', state, transaction)
    const people = (await peopleJobs(transaction, notices)).map(withOrigin)
    if (people.length > 0) await queue.sendMany('odoo-people', people, transaction)
  }
}

/** Adds the trace of the work that caused the job, so that the call to Odoo belongs to it. */
function withOrigin<T extends Traced>(job: T): T {
  const origin = presentContext()
  return origin ? { ...job, traceparent: formatTraceparent(origin) } : job
}

/** Returns each id of one kind once. */
function idsOf(notices: readonly OdooNotice[], ids: (notice: OdooNotice) => readonly number[] | number | undefined) {
  return [...new Set(notices.flatMap(notice => ids(notice) ?? []))]
}

async function stateJobs(client: pg.ClientBase, notices: readonly OdooNotice[]): Promise<StateJob[]> {
  const jobs: StateJob[] = chunks(idsOf(notices, ({ batches }) => batches)).map(batches => ({ batches }))
  const rejections = new Set(idsOf(notices, notice => notice.rejections))
  for (const batchId of idsOf(notices, notice => notice.rejectionsOf))
    for (const id of await rejectionsOf(client, batchId)) rejections.add(id)
  for (const ids of chunks([...rejections])) jobs.push({ rejections: ids })
  if (notices.some(({ setting }) => setting)) jobs.push({ setting: true })
  if (notices.some(({ auditHead }) => auditHead)) jobs.push({ auditHead: true })
  return jobs
}

async function rejectionsOf(client: pg.ClientBase, batchId: number): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>(
    `select rejection_id as id from kki.rejection_occurrence where batch_id = $1
    union select rejection_id from kki.rejection_occurrence where settled_by_batch_id = $1
    union select id from kki.rejection where closed_by_batch_id = $1`,
    [batchId]
  )
  return rows.map(({ id }) => id)
}

async function peopleJobs(client: pg.ClientBase, notices: readonly OdooNotice[]): Promise<PeopleJob[]> {
  const jobs: PeopleJob[] = chunks(idsOf(notices, ({ people }) => people)).map(people => ({ people }))
  for (const batchId of idsOf(notices, notice => notice.changesOf)) {
    const { rows } = await client.query<{ first: number | null; last: number | null }>(
      'select min(id) as first, max(id) as last from kki.change where batch_id = $1',
      [batchId]
    )
    const { first = null, last = null } = rows[0] ?? {}
    if (first === null || last === null) continue
    jobs.push(...ranges(first, last).map(range => ({ changesOf: { batchId, ...range } })))
  }
  return jobs
}

/** Cuts the ids from `first` to `last` into ranges of one call each. */
export function ranges(first: number, last: number): Range[] {
  const cut: Range[] = []
  for (let from = first; from <= last; from += rowsPerCall)
    cut.push({ from, to: Math.min(from + rowsPerCall - 1, last) })
  return cut
}

/** Cuts a list into pieces of one call each. */
export function chunks(ids: readonly number[]): number[][] {
  return ranges(0, ids.length - 1).map(({ from, to }) => ids.slice(from, to + 1))
}
