import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { CopyText, copyLines } from './copy.ts'
import type { PreparedPage } from './page-writer.ts'
import {
  rejectionColumns,
  rejectionValues,
  rowColumns,
  type StagedBatch,
  type StagedRejection,
  unchangedColumns
} from './staged-lines.ts'
import { stagingOf } from './staging.ts'

/** Creates the staging partitions of a batch; existing ones are emptied. */
export async function openStaging(client: pg.ClientBase, batchId: number): Promise<void> {
  await client.query('select kki.open_staging($1)', [batchId])
}

/** Copies pages into the staging partitions of a batch, within the caller's transaction. */
export async function stagePages(
  client: pg.ClientBase,
  batchId: number,
  pages: readonly PreparedPage[]
): Promise<void> {
  const copy = async (table: string, columns: readonly string[], chunks: Buffer[]) => {
    const filled = chunks.filter(chunk => chunk.length > 0)
    if (filled.length > 0) await copyLines(client, `${stagingOf(batchId)}.${table}`, columns, filled)
  }
  await insertPages(client, batchId, pages)
  await copy(
    'staged_row',
    rowColumns,
    pages.map(page => page.rowLines)
  )
  await copy(
    'staged_unchanged',
    unchangedColumns,
    pages.map(page => page.unchangedLines)
  )
  await copy(
    'staged_rejection',
    rejectionColumns,
    pages.map(page => page.rejectionLines)
  )
}

/** As parameters, because COPY's text format would need twice the size for each body, in hex. */
async function insertPages(client: pg.ClientBase, batchId: number, pages: readonly PreparedPage[]): Promise<void> {
  const kept = pages.filter(({ bodySealed }) => bodySealed !== null)
  if (kept.length === 0) return
  const rows = kept.map((_, i) => `($${2 * i + 1}, $${2 * i + 2})`)
  await client.query(
    `insert into ${stagingOf(batchId)}.staged_page (page, body_sealed) values ${rows.join(', ')}`,
    kept.flatMap(({ page, bodySealed }) => [page, bodySealed])
  )
}

/** Copies rejections of rows, whose pages are staged, into the partition of a batch, within the caller's transaction. */
export async function stageRejections(
  client: pg.ClientBase,
  batch: StagedBatch,
  identity: Identity,
  rejections: readonly StagedRejection[]
): Promise<void> {
  if (rejections.length === 0) return
  const text = new CopyText()
  for (const row of rejections) text.add(rejectionValues(batch, row, identity))
  await copyLines(client, `${stagingOf(batch.id)}.staged_rejection`, rejectionColumns, [text.take()])
}
