import { type Caller, recordAudit } from '../audit/record.ts'
import type { Database } from '../platform/database.ts'
import {
  askAboutDoubts,
  closeMootQuestions,
  type Doubts,
  findDoubts,
  measureRegistry,
  noDoubts
} from '../registry/check.ts'
import { type Batch, batchColumns, batchTables, changeBatch, takeBatch } from './batch.ts'
import { insertBatchRun } from './batch-run.ts'
import { closeRun } from './close-run.ts'

/** Each transaction checks a range of so many ids of people, which limits its memory and locks. */
const idsAtATime = 20_000

export interface CheckOptions {
  caller: Caller
  /** Called after each range with the last checked id and the last id of the registry. */
  onProgress?: (id: number, lastId: number) => void
  idsAtATime?: number
}

export interface CheckResult extends Doubts {
  people: number
  /** Null if there was nothing to write. */
  batchId: number | null
  runId: number | null
  /** Questions of earlier checks that no longer apply. */
  closed: number
}

/** Counts the questions that `checkRegistry` would ask, without writing them. */
export async function countDoubts(
  { database }: { database: Database },
  { onProgress, idsAtATime: step = idsAtATime }: Omit<CheckOptions, 'caller'> = {}
): Promise<CheckResult> {
  const { lastId, people } = await measureRegistry(database.pool)
  let doubts = noDoubts
  for (let after = 0; after < lastId; after += step) {
    const upTo = Math.min(after + step, lastId)
    const found = await database.withTransaction(client => findDoubts(client, { after, upTo }))
    doubts = sumOf(doubts, found)
    onProgress?.(upTo, lastId)
  }
  return { ...doubts, people, batchId: null, runId: null, closed: 0 }
}

/**
 * Looks for likely duplicates, and for licences that the present rules would not link to their holder. It adds a question about
 * each to the review queue, unless the same question is open or was decided. Each range of ids is one transaction, and an
 * interrupted check resumes after the last one.
 */
export async function checkRegistry(
  { database }: { database: Database },
  { caller, onProgress, idsAtATime: step = idsAtATime }: CheckOptions
): Promise<CheckResult> {
  const { lastId, people } = await measureRegistry(database.pool)
  let batch = await database.withAdvisoryLock('sdmk registry check', async client => {
    const { rows } = await client.query<Batch>(
      `select ${batchColumns} from ${batchTables} where b.kind = 'check' and b.state = 'fetching' order by b.id desc limit 1`
    )
    // Taking the batch raises its fence, so that a check that still runs elsewhere fails with FenceLost.
    if (rows[0]) return (await takeBatch(client, rows[0].id, ['fetching'])) as Batch
    const queued = await insertBatchRun(client, {
      kind: 'check',
      triggeredBy: 'command',
      caller
    })
    return changeBatch(client, queued, { state: 'fetching', fetch_started_at: 'now', cursor: '0' })
  })
  let doubts = noDoubts
  for (let after = Number(batch.cursor); after < lastId; after += step) {
    const upTo = Math.min(after + step, lastId)
    const found = await database.withTransaction(async client => {
      const page = batch.pages + 1
      const { withoutLicence } = await findDoubts(client, { after, upTo })
      const asked = await askAboutDoubts(client, batch.id, { page, rowNo: batch.fetched })
      const rows = batch.fetched + asked.duplicates.length + asked.contradictions.length
      batch = await changeBatch(client, batch, { cursor: String(upTo), pages: page, fetched: rows, rejected: rows })
      client.notifyOdoo({ rejections: [...asked.duplicates, ...asked.contradictions] })
      return { duplicates: asked.duplicates.length, contradictions: asked.contradictions.length, withoutLicence }
    })
    doubts = sumOf(doubts, found)
    onProgress?.(upTo, lastId)
  }
  const closed = await database.withTransaction(async client => {
    const ids = await closeMootQuestions(client, batch.id)
    client.notifyOdoo({ rejections: ids })
    const planned = await changeBatch(client, batch, { state: 'planned', fetched_at: 'now', planned_at: 'now' })
    batch = await changeBatch(client, planned, { state: 'applied', finished_at: 'now' })
    await recordAudit(client, {
      ...caller,
      action: 'registry.checked',
      runId: batch.runId,
      batchId: batch.id,
      detail: { people, ...doubts, closed: ids.length }
    })
    await closeRun(client, batch.runId)
    return ids.length
  })
  return { ...doubts, people, batchId: batch.id, runId: batch.runId, closed }
}

function sumOf(a: Doubts, b: Doubts): Doubts {
  return {
    duplicates: a.duplicates + b.duplicates,
    contradictions: a.contradictions + b.contradictions,
    withoutLicence: a.withoutLicence + b.withoutLicence
  }
}
