import type pg from 'pg'
import type { Head } from './link.ts'

/** Returns the end of the chain; null where it has no link yet. */
export async function readHead(client: pg.ClientBase | pg.Pool): Promise<Head | null> {
  const { rows } = await client.query<Head>(
    `select seq, encode(hash, 'hex') as hash from kki.audit_chain order by seq desc limit 1`
  )
  return rows[0] ?? null
}
