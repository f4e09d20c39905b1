import { text } from 'node:stream/consumers'
import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import { type MirroredKey, mirrored } from './mirrored.ts'

/** Rows of a payload: one line of COPY's text format for each, with these columns. */
export interface Table {
  columns: string[]
  rows: string
}

export interface Counted extends Table {
  count: number
}

/** Reading a call's rows takes a tenth of a second; after this limit the job is tried again. */
const readTimeout = '60s'

/**
 * Returns what `work` reads in one snapshot, so that related rows are not seen before and after a change. Dates come in
 * ISO 8601, regardless of the server's settings.
 */
export function inSnapshot<T>(pool: pg.Pool, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  const snapshot = async (client: pg.ClientBase) => {
    await client.query(`set local datestyle = 'ISO'; set local statement_timeout = '${readTimeout}'`)
    return work(client)
  }
  return inTransaction(pool, snapshot, oneMoment)
}

/** Returns the rows of one kind with these ids, sorted by id. */
export async function readTable(client: pg.ClientBase, key: MirroredKey, ids: readonly number[]): Promise<Counted> {
  const { rows: told, block } = mirrored[key]
  // COPY takes no parameters: the ids go before it, as a setting of the transaction.
  await client.query(`select set_config('sdmk.told_ids', $1::bigint[]::text, true)`, [ids])
  const stream = client.query(
    copyTo(
      `copy (
        select * from (${told}) r where r.${block} = any (current_setting('sdmk.told_ids')::bigint[]) order by r.id
      ) to stdout (header)`
    )
  )
  const copied = await text(stream)
  const end = copied.indexOf('\n') + 1
  const rows = copied.slice(end)
  return { columns: copied.slice(0, end - 1).split('\t'), rows, count: linesOf(rows) }
}

/** Line breaks within values are escaped. The server's row count may follow the last row. */
function linesOf(rows: string): number {
  let count = 0
  for (let at = rows.indexOf('\n'); at >= 0; at = rows.indexOf('\n', at + 1)) count++
  return count
}

/** Returns the table with further rows, whose other columns are null. */
export function withRows(table: Counted, more: readonly Record<string, string | number>[]): Counted {
  const lines = more.map(row => `${table.columns.map(column => row[column] ?? '\\N').join('\t')}\n`)
  return { ...table, rows: table.rows + lines.join(''), count: table.count + lines.length }
}
