import { readFile } from 'node:fs/promises'
import type { FastifyBaseLogger } from 'fastify'
import pg from 'pg'
import type { Config } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { migrationLock } from './migration-lock.ts'
import { inTransaction } from './transaction.ts'

const grants = new URL('../migrations/roles/service.sql', import.meta.url)

/**
 * Grants the role only the rights that the running service needs, in one transaction, so that a running service never
 * lacks one.
 */
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

/**
 * Returns whether this login cannot change the schema and audit events, which the service never changes. A superuser, an
 * owner, and a member of the owner's role can.
 */
export async function isRestricted(pool: pg.Pool): Promise<boolean> {
  const { rows } = await pool.query<{ restricted: boolean }>(
    `select not (has_table_privilege('kki.audit_event', 'update, delete, truncate')
      or has_table_privilege('kki.disclosure', 'update, delete, truncate')
      or exists (select from pg_namespace n where n.nspname in ('sdmk', 'kki') and (
        has_schema_privilege(n.oid, 'create') or pg_has_role(n.nspowner, 'member')
        or exists (select from pg_class c where c.relnamespace = n.oid and pg_has_role(c.relowner, 'member'))))
    ) as restricted`
  )
  return rows[0]?.restricted === true
}

/**
 * Prevents a service from using a login that could change its schema and audit events.
 *
 * @throws ConfigurationError, unless SDMK_INSECURE allows it; then the start is logged with a warning.
 */
export async function assertRestricted(
  pool: pg.Pool,
  { insecure }: Pick<Config, 'insecure'>,
  logger: FastifyBaseLogger
): Promise<void> {
  if (await isRestricted(pool)) return
  if (!insecure.includes('database-owner')) {
    throw new ConfigurationError(
      'SDMK_DATABASE_URL',
      'this login may change the schema and audit events; use the login of the service (docs/operate/database.md). SDMK_INSECURE=database-owner allows it'
    )
  }
  logger.warn(
    'SDMK_DATABASE_URL: this login may change the schema and audit events; docs/operate/database.md describes a login with fewer rights'
  )
}
