import { text } from 'node:stream/consumers'
import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import { type MirroredKey, mirrored } from './mirrored.ts'

/** Rows as a payload carries them: one line of COPY's text format for each, with these columns. */
export interface Table {
  columns: string[]
  rows: string
}

export interface Counted extends Table {
  count: number
}

/** A call's rows are read in a tenth of a second; the job that could not read them in this time is tried again. */
const readTimeout = '60s'

/**
 * Returns what `work` reads, all of it of one moment: what belongs together must not be seen before and after a change.
 * Dates come as ISO 8601 writes them, whatever the server's habits.
 */
export function inSnapshot<T>(pool: pg.Pool, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  const snapshot = async (client: pg.ClientBase) => {
    await client.query(`set local datestyle = 'ISO'; set local statement_timeout = '${readTimeout}'`)
    return work(client)
  }
  return inTransaction(pool, snapshot, oneMoment)
}

/** Returns what is told of one kind, of these ids, sorted by the rows' own. */
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

/** Line ends within values are escaped. What the server counted may come after the last of the rows. */
function linesOf(rows: string): number {
  let count = 0
  for (let at = rows.indexOf('\n'); at >= 0; at = rows.indexOf('\n', at + 1)) count++
  return count
}

/** Returns the table with rows beyond its own, of which all other columns are null. */
export function withRows(table: Counted, more: readonly Record<string, string | number>[]): Counted {
  const lines = more.map(row => `${table.columns.map(column => row[column] ?? '\\N').join('\t')}\n`)
  return { ...table, rows: table.rows + lines.join(''), count: table.count + lines.length }
}
