import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { Rate } from './baselines.ts'
import { people, registrations, type Target } from './target.ts'

/** Finished rows in COPY's text format, with their columns. */
export interface Finished {
  table: string
  columns: string[]
  rows: string
  count: number
}

/** Returns what Odoo has stored, people first. */
export async function finishedRows({ client }: Target): Promise<Finished[]> {
  const finished: Finished[] = []
  for (const table of [people, registrations]) {
    const { rows } = await client.query<{ name: string }>(
      `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped
      order by attnum`,
      [table]
    )
    const columns = rows.map(({ name }) => `"${name}"`)
    const copied = await text(client.query(copyTo(`copy ${table} (${columns}) to stdout`)))
    finished.push({ table, columns, rows: copied, count: copied.split('\n').length - 1 })
  }
  return finished
}

/** The minimum that a database needs: COPY into a temporary table and one merge, in one connection, nothing else. */
export async function copyAndMerge({ client }: Target, finished: Finished[]): Promise<Rate> {
  const started = performance.now()
  await client.query('begin')
  for (const { table, columns, rows } of finished) {
    await client.query(`create temp table staged (like ${table}) on commit drop`)
    await pipeline(Readable.from([rows]), client.query(copyFrom(`copy staged (${columns}) from stdin`)))
    await client.query(
      `insert into ${table} (${columns}) select ${columns} from staged order by id
      on conflict (id) do update set ${columns.map(column => `${column} = excluded.${column}`)}
      where ${table}.version < excluded.version`
    )
    await client.query('drop table staged')
  }
  await client.query('commit')
  const seconds = (performance.now() - started) / 1000
  return finished.reduce((sum, { count }) => sum + count, 0) / seconds
}
