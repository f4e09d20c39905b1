import type pg from 'pg'
import type { Head } from './link.ts'

/** Returns the end of the chain; null if it has no link yet. */
export async function readHead(client: pg.ClientBase | pg.Pool): Promise<Head | null> {
  const { rows } = await client.query<Head>(
    `select seq, encode(hash, 'hex') as hash from kki.audit_chain order by seq desc limit 1`
  )
  return rows[0] ?? null
}

/** Returns whether the chain has this link. */
export async function isLink(client: pg.ClientBase, { seq, hash }: Head): Promise<boolean> {
  const { rowCount } = await client.query(`select from kki.audit_chain where seq = $1 and hash = decode($2, 'hex')`, [
    seq,
    hash
  ])
  return rowCount === 1
}
