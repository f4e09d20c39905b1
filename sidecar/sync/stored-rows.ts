import type pg from 'pg'
import { SealFault, SealUnfit } from '../identity/errors.ts'
import type { Identity } from '../identity/keys.ts'
import { openRow } from '../identity/open-sealed.ts'
import { type RowSource, rawRowOf } from '../identity/seal-place.ts'
import type { ReviewContext } from './open-rejections.ts'
import { readPage } from './read-page.ts'
import type { PageMaker } from './stage-batch.ts'

/** A pending row, and its place. */
export interface PendingRow {
  batchId: number
  rowNo: number
  page: number
  pageRow: number
  nikDigest: Buffer | null
  /** The batch that settled it; null while it is pending. */
  settledBy: number | null
  source: RowSource
  /** The subject of the rejection: its STR, or `row:` and the digest of the row. */
  subject: string
  /** Original JSON text of KKI; null if it was deleted after its retention. */
  raw: string | null
}

/** Rows per page; bounds memory. */
const rowsPerPage = 500

/**
 * Returns the pending rows of these rejections, oldest first; a row that was rejected for several reasons appears once.
 * @throws SealBroken, SealUnfit if a row was sealed for another place or for another rejection
 */
export async function readPendingRows(
  client: pg.ClientBase,
  identity: Identity,
  rejectionIds: readonly number[],
  page: Page
): Promise<PendingRow[]> {
  const rows = await readSealedRows(client, rejectionIds, page)
  return rows.map(row => ({ ...row, raw: openPending(identity, row) }))
}

interface Page {
  after?: Pick<PendingRow, 'batchId' | 'rowNo'> | undefined
  limit: number
  /** Batches whose settled rows are returned in addition to the pending ones. */
  settledBy?: readonly number[]
}

interface SealedPendingRow extends Omit<PendingRow, 'raw'> {
  contentDigest: Buffer | null
  rawSealed: Buffer | null
}

async function readSealedRows(client: pg.ClientBase, rejectionIds: readonly number[], page: Page) {
  const { after, limit, settledBy = [] } = page
  const { rows } = await client.query<SealedPendingRow>(
    `select distinct on (o.batch_id, o.row_no) o.batch_id as "batchId", o.row_no as "rowNo", o.page, o.page_row as "pageRow",
      o.nik_digest as "nikDigest", o.settled_by_batch_id as "settledBy", o.raw_sealed as "rawSealed", o.content_digest as "contentDigest", r.source, r.subject
    from kki.rejection_occurrence o join kki.rejection r on r.id = o.rejection_id
    where o.rejection_id = any ($1::bigint[]) and (o.batch_id, o.row_no) > ($2, $3)
      and (o.settled_by_batch_id is null or o.settled_by_batch_id = any ($5::bigint[]))
    order by o.batch_id, o.row_no limit $4`,
    [rejectionIds, after?.batchId ?? 0, after?.rowNo ?? 0, limit, settledBy]
  )
  return rows
}

function openPending(identity: Identity, { rawSealed, ...row }: SealedPendingRow): string | null {
  return rawSealed && openRow(identity, { ...row, rawSealed })
}

/**
 * Accepts a row that has the STR of its rejection by the present mapping. The sealed value is bound to that STR, but
 * somebody may have changed the staged row from which it came. @throws SealUnfit
 */
export function assertOfRejection({ source, batchId, rowNo, subject }: PendingRow, strInRow: string | null): void {
  if (subject.startsWith('row:') || strInRow === null || strInRow === subject) return
  throw new SealUnfit(rawRowOf(source, batchId, rowNo, subject), 'content')
}

/** Returns a function that stages stored rows of KKI with the present mapping, without calling KKI. */
export function pageOfRows(
  { reader: { transform }, maxSkewSeconds }: ReviewContext,
  raws: readonly string[]
): PageMaker {
  const body = Buffer.from(`{"data":[${raws.join(',')}]}`)
  return async writer => {
    // Checked against the present clock: a stamp that was in the future when the row came may have passed since.
    const page = { rows: raws.map(raw => JSON.parse(raw)), body, sourceNow: Date.now() }
    return readPage(page, writer, { transform, maxSkewMs: maxSkewSeconds * 1000 })
  }
}

/** Rows that cannot be planned again. */
export interface Skipped {
  /** No longer stored. */
  purged: number
  /** With sealed values that belong to another row or field. */
  faults: SealFault[]
}

/** Yields the pending rows of these rejections as pages of JSON texts, and adds the others to `skipped`. */
export async function* pagesOfPendingRows(
  client: pg.ClientBase,
  identity: Identity,
  rejectionIds: readonly number[],
  skipped: Skipped
): AsyncGenerator<string[], void, void> {
  let after: SealedPendingRow | undefined
  for (;;) {
    const rows = await readSealedRows(client, rejectionIds, { after, limit: rowsPerPage })
    const kept: string[] = []
    for (const row of rows) {
      try {
        const raw = openPending(identity, row)
        if (raw === null) skipped.purged++
        else kept.push(raw)
      } catch (error) {
        // The other rows are still planned again.
        if (!(error instanceof SealFault)) throw error
        skipped.faults.push(error)
      }
    }
    if (kept.length > 0) yield kept
    if (rows.length < rowsPerPage) return
    after = rows.at(-1)
  }
}
