import type { TestContext } from 'node:test'
import type pg from 'pg'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { silent } from './server.ts'

/** Counts the rows of `table` that PostgreSQL reads while a test works: `work` is given a pool of one connection. */
export async function countRowsRead<T>(
  t: TestContext,
  url: string,
  table: string,
  work: (pool: pg.Pool) => Promise<T>
): Promise<{ result: T; read: number }> {
  const { pool } = createDatabase({ url, maxConnections: 1 }, silent)
  t.after(() => pool.end())
  const readSoFar = async () => {
    await pool.query('select pg_stat_force_next_flush()')
    const { rows } = await pool.query<{ read: number }>(
      'select (seq_tup_read + idx_tup_fetch)::int as read from pg_stat_user_tables where relid = $1::regclass',
      [table]
    )
    return rows[0]?.read ?? Number.NaN
  }
  const before = await readSoFar()
  const result = await work(pool)
  return { result, read: (await readSoFar()) - before }
}
