import type pg from 'pg'
import { readHead } from '../audit/head.ts'
import type { Head } from '../audit/link.ts'
import { type ChainCheck, type ProvenEvent, readCheck, readProvenEvents } from '../audit/read.ts'
import { hasOutcomes, isOpen } from '../batch-terms.ts'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import { type CodeCount, readPlanCounts, readRejectedCodes } from '../registry/change-counts.ts'
import { type Change, readPlannedChanges, readRecordedChanges } from '../registry/changes.ts'
import { type Batch, readBatch } from './batch.ts'
import { type BatchHistory, keptOf, readBatchHistory } from './batch-history.ts'
import { BatchNotFound } from './errors.ts'

/** Most changes that the evidence lists; the export of changes has all of them. */
const mostChanges = 1000

/** The proof of a batch: its changes, their reasons, and the people who decided. */
export interface Evidence extends BatchHistory {
  at: Date
  batch: Batch
  codes: CodeCount[]
  /** The most harmful ones first; at most `mostChanges`. */
  changes: Change[]
  /** Whether there are more than `changes` lists. */
  hasMoreChanges: boolean
  /** The events of the batch and its run, oldest first. */
  events: ProvenEvent[]
  head: Head | null
  check: ChainCheck | null
}

/** Returns the present evidence of a batch, read in one snapshot. @throws BatchNotFound */
export async function readEvidence(pool: pg.Pool, batchId: number): Promise<Evidence> {
  return inTransaction(pool, client => readWithin(client, batchId), oneMoment)
}

async function readWithin(client: pg.ClientBase, batchId: number): Promise<Evidence> {
  const batch = await readBatch(client, batchId)
  if (!batch) throw new BatchNotFound(batchId)
  const history = await readBatchHistory(client, batchId)
  const isPlan = isOpen(batch.state)
  const page = { after: 0, limit: mostChanges }
  const none = { items: [] as Change[], next: null }
  const readChanges = () =>
    isPlan
      ? readPlannedChanges(client, batchId, {}, page)
      : readRecordedChanges(client, batchId, {}, page, keptOf(history))
  // A batch that ended while on hold was never applied.
  const readProfessions = async () => {
    if (!hasOutcomes(batch.state)) return null
    return history.professions ?? (isPlan ? (await readPlanCounts(client, batchId)).professions : null)
  }
  const { items, next } = hasOutcomes(batch.state) ? await readChanges() : none
  return {
    ...history,
    professions: await readProfessions(),
    at: new Date(),
    batch,
    codes: hasOutcomes(batch.state) ? await readRejectedCodes(client, batchId, isPlan) : [],
    changes: items,
    hasMoreChanges: next !== null,
    events: await readProvenEvents(client, { batchId, runId: batch.runId }),
    head: await readHead(client),
    check: await readCheck(client)
  }
}
