import type pg from 'pg'
import { cutList } from '../../platform/json-list.ts'
import type { IdentityKeys } from '../../registry/identity.ts'
import { readPage } from '../read-page.ts'
import type { PageMaker } from '../stage-batch.ts'
import type { DeskContext } from './desk.ts'

/** A refused row that waits, where it stood. */
export interface WaitingRow {
  batchId: number
  rowNo: number
  page: number
  pageRow: number
  nikDigest: Buffer | null
  /** JSON text as KKI sent it; null where it was deleted after its time. */
  raw: string | null
}

/** Rows to a page: bounds what is in memory, whatever the number of rejections. */
const rowsPerPage = 500

/** Returns the waiting rows of these rejections, oldest first; a row that was refused for several reasons is there once. */
export async function readWaitingRows(
  client: pg.ClientBase | pg.Pool,
  { open }: Pick<IdentityKeys, 'open'>,
  rejectionIds: readonly number[],
  { after, limit }: { after?: Pick<WaitingRow, 'batchId' | 'rowNo'> | undefined; limit: number }
): Promise<WaitingRow[]> {
  const { rows } = await client.query<Omit<WaitingRow, 'raw'> & { rawSealed: Buffer | null }>(
    `select distinct on (o.batch_id, o.row_no) o.batch_id as "batchId", o.row_no as "rowNo", o.page, o.page_row as "pageRow",
      o.nik_digest as "nikDigest", o.raw_sealed as "rawSealed"
    from kki.rejection_occurrence o
    where o.rejection_id = any ($1::bigint[]) and o.settled_by_batch_id is null and (o.batch_id, o.row_no) > ($2, $3)
    order by o.batch_id, o.row_no limit $4`,
    [rejectionIds, after?.batchId ?? 0, after?.rowNo ?? 0, limit]
  )
  return rows.map(({ rawSealed, ...row }) => ({
    ...row,
    raw: rawSealed && open('row', rawSealed).toString('utf8')
  }))
}

/** Returns what stages rows of KKI by the present mapping, without asking KKI. */
export function pageOfRows({ transform, maxSkewSeconds }: DeskContext, raws: readonly string[]): PageMaker {
  const body = Buffer.from(`{"data":[${raws.join(',')}]}`)
  return async writer => {
    // By the present clock: a stamp that was in the future when the row came may have passed since.
    const page = { rows: cutList(body, 'data').list, body, sourceNow: Date.now() }
    return (await readPage(page, writer, { transform, maxSkewMs: maxSkewSeconds * 1000 })).page
  }
}

/** Yields the waiting rows of these rejections as pages of JSON texts; `onPurged` is told of rows that are no longer kept. */
export async function* pagesOfWaitingRows(
  client: pg.ClientBase,
  identity: Pick<IdentityKeys, 'open'>,
  rejectionIds: readonly number[],
  onPurged: (count: number) => void
): AsyncGenerator<string[], void, void> {
  let after: WaitingRow | undefined
  for (;;) {
    const rows = await readWaitingRows(client, identity, rejectionIds, { after, limit: rowsPerPage })
    const kept = rows.flatMap(({ raw }) => (raw === null ? [] : [raw]))
    onPurged(rows.length - kept.length)
    if (kept.length > 0) yield kept
    if (rows.length < rowsPerPage) return
    after = rows.at(-1)
  }
}
