import type pg from 'pg'
import type { PlanCounts, ProfessionChanges } from '../registry/change-counts.ts'
import type { Kept } from '../registry/changes.ts'
import type { UndoReport } from '../registry/undo.ts'
import type { Excess } from './gate.ts'

/** What the audit events of a batch tell of it. */
export interface BatchHistory {
  /** The numbers for which it was held, of its present plan. */
  excesses: Excess[]
  /** What it did by profession, as it was applied, or what its present plan would do; null where it has neither. */
  professions: ProfessionChanges[] | null
  /** Lines of its present plan in which nothing but a stamp changes; null where it was never on hold. */
  stampOnly: number | null
  undo: (UndoReport & { reason: string; actor: string; at: Date }) | null
}

interface Told {
  action: string
  actor: string
  at: Date
  detail: { excesses?: Excess[] } & Partial<PlanCounts> & UndoReport & { reason: string; role?: string }
}

/** Returns what was recorded as the batch was held, applied and undone: later changes of the registry do not touch it. */
export async function readBatchHistory(client: pg.ClientBase | pg.Pool, batchId: number): Promise<BatchHistory> {
  const { rows } = await client.query<Told>(
    `select action, actor, at, detail from kki.audit_event
    where batch_id = $1 and action in ('batch.held', 'batch.plan_changed', 'batch.applied', 'batch.undone') order by id`,
    [batchId]
  )
  const history: BatchHistory = { excesses: [], professions: null, stampOnly: null, undo: null }
  for (const { action, actor, at, detail } of rows) {
    if (action === 'batch.applied') history.professions = detail.professions ?? []
    else if (action === 'batch.undone') {
      const { role: _, ...report } = detail
      history.undo = { ...report, actor, at }
    } else {
      const { excesses = [], professions = null, stampOnly = null } = detail
      Object.assign(history, { excesses, professions, stampOnly })
    }
  }
  return history
}

/** Returns of whom the undo of a batch left something; null where the batch is not undone. */
export function keptOf({ undo }: BatchHistory): Kept | null {
  const fieldsOf = (left: UndoReport['left']['people']) => new Map(left.map(({ id, fields }) => [id, fields]))
  if (undo === null) return null
  const { left, registrationsLeft, peopleLeft } = undo
  return {
    registrations: fieldsOf(left.registrations),
    people: fieldsOf(left.people),
    isComplete: left.registrations.length === registrationsLeft && left.people.length === peopleLeft
  }
}
