import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { migrationLock } from './migration-lock.ts'
import { inTransaction } from './transaction.ts'

const grants = new URL('../migrations/roles/service.sql', import.meta.url)

/** Gives the role what the running service needs, and no more; all at once, so that one that runs meanwhile misses nothing. */
export async function grantToService(databaseUrl: string, role: string): Promise<void> {
  const text = await readFile(grants, 'utf8')
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 1 })
  try {
    await inTransaction(pool, async client => {
      await client.query(migrationLock)
      await client.query(text.replaceAll(':"service"', pg.escapeIdentifier(role)))
    })
  } finally {
    await pool.end()
  }
}

/** Returns whether this login is kept from changing what the service never changes: the schema, and audit events. */
export async function isRestricted(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ restricted: boolean }>(
    `select not (has_table_privilege('kki.audit_event', 'update') or has_schema_privilege('kki', 'create')) as restricted`
  )
  return rows[0]?.restricted === true
}
