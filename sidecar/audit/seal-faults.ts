import type pg from 'pg'
import type { SealFault } from '../identity/errors.ts'
import { type Caller, recordAudit } from './record.ts'

export const sealUnfit = 'seal.unfit'
/** Values that have an event each; of a registry without its keys none opens. */
const mostEvents = 100

/** Audits sealed values that did not fit where they stood, within the caller's transaction: the places, never a value. */
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
