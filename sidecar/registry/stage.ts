import type pg from 'pg'
import { holdDigestKey } from '../identity/digest-key.ts'
import { DigestKeyChanged } from '../identity/errors.ts'
import type { Identity } from '../identity/keys.ts'
import { CopyText, type CopyValue, copyLines } from './copy.ts'
import type { PreparedPage } from './page-writer.ts'
import { takePersonIdsFrom } from './person-ids.ts'
import {
  knownColumns,
  rejectionColumns,
  rejectionValues,
  rowColumns,
  rowValues,
  type StagedBatch,
  type StagedCandidate,
  type StagedRejection
} from './staged-lines.ts'

/** Makes the staging partitions of a batch; those that exist are emptied. */
export async function openStaging(client: pg.ClientBase, batchId: number): Promise<void> {
  await client.query('select kki.open_staging($1)', [batchId])
}

/**
 * Copies pages into the staging partitions of a batch, within the caller's transaction.
 * @throws DigestKeyChanged where another digest key is in force than when they were prepared
 */
export async function stagePages(
  client: pg.ClientBase,
  batchId: number,
  pages: readonly PreparedPage[]
): Promise<void> {
  const inForce = await holdDigestKey(client)
  if (inForce !== null && pages.some(page => !page.fingerprint.equals(inForce))) throw new DigestKeyChanged(batchId)
  const copy = async (table: string, columns: readonly string[], chunks: Buffer[]) => {
    const filled = chunks.filter(chunk => chunk.length > 0)
    if (filled.length > 0) await copyLines(client, `kki.${table}_${batchId}`, columns, filled)
  }
  await insertPages(client, batchId, pages)
  await copy(
    'staged_row',
    rowColumns,
    pages.map(page => page.rowLines)
  )
  await copy(
    'staged_known',
    knownColumns,
    pages.map(page => page.knownLines)
  )
  await copy(
    'staged_rejection',
    rejectionColumns,
    pages.map(page => page.rejectionLines)
  )
}

/** As parameters: COPY's text would carry each body in hex, at twice its size. */
async function insertPages(client: pg.ClientBase, batchId: number, pages: readonly PreparedPage[]): Promise<void> {
  if (pages.length === 0) return
  const rows = pages.map((_, i) => `($1, $${2 * i + 2}, $${2 * i + 3})`)
  await client.query(`insert into kki.staged_page_${batchId} (batch_id, page, body_sealed) values ${rows.join(', ')}`, [
    batchId,
    ...pages.flatMap(({ page, bodySealed }) => [page, bodySealed])
  ])
}

/** A row whose person has no id yet. */
export type UnnumberedCandidate = Omit<StagedCandidate, 'newHealthWorkerId'>

/** Copies rows of pages that are staged into the partitions of a batch, within the caller's transaction. */
export async function stageRows(
  client: pg.ClientBase,
  batch: StagedBatch,
  identity: Identity,
  { candidates = [], rejections = [] }: { candidates?: UnnumberedCandidate[]; rejections?: StagedRejection[] }
): Promise<void> {
  const copy = async <T>(table: string, columns: readonly string[], rows: T[], valuesOf: (row: T) => CopyValue[]) => {
    if (rows.length === 0) return
    const text = new CopyText()
    for (const row of rows) text.add(valuesOf(row))
    await copyLines(client, `kki.${table}_${batch.id}`, columns, [text.take()])
  }
  const ids = await takePersonIdsFrom(client)(candidates.filter(({ candidate }) => candidate.nik !== null).length)
  const numbered = candidates.map(row => ({
    ...row,
    newHealthWorkerId: row.candidate.nik === null ? null : (ids.pop() as number)
  }))
  await copy('staged_row', rowColumns, numbered, row => rowValues(batch.id, row, identity))
  await copy('staged_rejection', rejectionColumns, rejections, row => rejectionValues(batch, row, identity))
}
