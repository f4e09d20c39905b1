import type pg from 'pg'
import type { SealFault } from '../identity/errors.ts'
import { type Caller, recordAudit } from './record.ts'

export const sealUnfit = 'seal.unfit'
/** Limits the events: in a registry without its keys no value can be opened. */
const mostEvents = 100

/**
 * Audits sealed values that do not belong to their row and field, in the caller's transaction: the places, never a
 * value.
 */
export async function auditSealFaults(
  client: pg.ClientBase,
  caller: Caller,
  faults: readonly SealFault[],
  batchId?: number
): Promise<void> {
  for (const { column, row, fault } of faults.slice(0, mostEvents)) {
    const detail = { column, row, fault, ...(faults.length > mostEvents && { found: faults.length }) }
    await recordAudit(client, { ...caller, action: sealUnfit, detail, ...(batchId !== undefined && { batchId }) })
  }
}
