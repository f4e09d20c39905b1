import type pg from 'pg'
import type { PlanCounts, ProfessionChanges } from '../registry/change-counts.ts'
import type { Kept } from '../registry/changes.ts'
import type { UndoReport } from '../registry/undo.ts'
import type { Excess } from './gate.ts'

/** The history of a batch, read from its audit events. */
export interface BatchHistory {
  /** The limits that its present plan exceeds, for which it was held. */
  excesses: Excess[]
  /** The counts of its changes, or of its present plan, by profession; null if it has neither. */
  professions: ProfessionChanges[] | null
  /** Rows of its present plan that change only a stamp; null if it was never on hold. */
  stampOnly: number | null
  undo: (UndoReport & { reason: string; actor: string; at: Date }) | null
}

interface EventRow {
  action: string
  actor: string
  at: Date
  detail: { excesses?: Excess[] } & Partial<PlanCounts> & UndoReport & { reason: string; role?: string }
}

/** Returns the values recorded when the batch was held, applied and undone. Later changes of the registry do not alter them. */
export async function readBatchHistory(client: pg.ClientBase | pg.Pool, batchId: number): Promise<BatchHistory> {
  const { rows } = await client.query<EventRow>(
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

/** Returns the registrations and people that the undo of a batch did not restore in full; null if it is not undone. */
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
