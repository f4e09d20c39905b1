import type pg from 'pg'
import { checkDatabase } from '../platform/connection.ts'
import { assertMigrated } from '../platform/migrations.ts'
import { refuseSharedSessions } from '../platform/pooler.ts'
import { measureCatchUp } from '../platform/read-database.ts'
import { isRestricted } from '../platform/service-role.ts'
import { examine, type Finding, failure, skipped, warning } from './finding.ts'

const oldestServer = 150_000
/** Clocks of machines that are kept by NTP differ by much less. */
const clockWarningMs = 2_000
const busyShare = 0.8

/** Returns whether the database answers and is the primary. Without that, nothing else about it can be checked. */
export function examineDatabase(url: string): Promise<Finding> {
  return examine(
    'database',
    'Start PostgreSQL, and check the address and the login in SDMK_DATABASE_URL.',
    async () => {
      await checkDatabase(url)
      await refuseSharedSessions(url)
      return 'answers, and is the primary'
    }
  )
}

/** Returns what is right and wrong about the database that answers. */
export async function examineServer(pool: pg.Pool): Promise<Finding[]> {
  return [
    await examine('database settings', 'See the log of PostgreSQL.', () => settingsOf(pool)),
    await examine('database login', 'See docs/operate/database.md.', async () => {
      if (await isRestricted(pool)) return 'can neither change the schema nor audit events'
      return failure(
        'can change the schema and audit events',
        'Use the login of the service: docs/operate/database.md.'
      )
    }),
    await examine('schema', 'Run "sdmk migrate" with the login of the owner.', async () => {
      const { database, program } = await assertMigrated(pool)
      if (database === program) return 'has every migration of this version'
      return warning(
        `is at version ${database}, and this version knows ${program}: a newer version has migrated it`,
        'Install the newer version here as well: docs/operate/upgrade.md.'
      )
    }),
    await examine('clock', 'See docs/operate/runbook.md.', () => clockOf(pool))
  ]
}

/**
 * Returns whether the standby for reads has what the primary has, as soon as answers may need it.
 *
 * @param patienceSeconds how long to wait for that
 */
export function examineStandby(
  pool: pg.Pool,
  url: string,
  maxAgeSeconds: number,
  patienceSeconds = maxAgeSeconds
): Promise<Finding> {
  return examine(
    'standby for reads',
    'Correct SDMK_DATABASE_READ_URL, or start the standby; meanwhile the primary answers: docs/operate/cluster.md.',
    async () => {
      const seconds = Math.min(maxAgeSeconds, patienceSeconds)
      const ms = await measureCatchUp(pool, url, seconds * 1000)
      if (ms !== null) return `has what the primary wrote ${(ms / 1000).toFixed(1)} s ago`
      if (seconds < maxAgeSeconds) return skipped(`is more than ${seconds} s behind, and may be ${maxAgeSeconds} s`)
      return warning(
        `has not yet what the primary wrote ${maxAgeSeconds} s ago (SDMK_DATABASE_READ_AGE): the primary answers`,
        'See pg_stat_replication on the primary: the standby or its network is too slow, or its replay is paused.'
      )
    }
  )
}

async function settingsOf(pool: pg.Pool) {
  const { rows } = await pool.query<{
    version: number
    name: string
    encoding: string
    unsafe: string[]
    used: number
    most: number
    size: string
  }>(
    `select current_setting('server_version_num')::int as version, current_setting('server_version') as name,
      current_setting('server_encoding') as encoding,
      array(select s.name from pg_settings s
        where s.name in ('fsync', 'full_page_writes', 'synchronous_commit') and s.setting = 'off' order by 1) as unsafe,
      (select count(*) from pg_stat_activity)::int as used, current_setting('max_connections')::int as most,
      pg_size_pretty(pg_database_size(current_database())) as size`
  )
  const { version, name, encoding, unsafe, used, most, size } = rows[0] as (typeof rows)[number]
  if (version < oldestServer) return failure(`PostgreSQL ${name} is too old`, 'Use PostgreSQL 15 or newer.')
  if (encoding !== 'UTF8') return failure(`the encoding is ${encoding}`, 'Create the database with the encoding UTF8.')
  if (unsafe.length > 0) {
    return failure(`${unsafe.join(', ')} off: a crash of the server can lose what was applied`, 'Switch them on.')
  }
  if (used > most * busyShare) {
    return warning(`${used} of ${most} connections are in use`, 'Raise max_connections, or lower SDMK_DATABASE_POOL.')
  }
  return `PostgreSQL ${name}, ${size}, ${used} of ${most} connections in use`
}

async function clockOf(pool: pg.Pool) {
  const before = Date.now()
  const { rows } = await pool.query<{ now: Date }>('select clock_timestamp() as now')
  const after = Date.now()
  const theirs = (rows[0] as { now: Date }).now.getTime()
  const apartMs = Math.max(before - theirs, theirs - after, 0)
  if (apartMs > clockWarningMs) {
    const seconds = Math.round(apartMs / 1000)
    return warning(
      `this machine and the database differ by ${seconds} s`,
      'Let NTP set the clocks of both machines; a wrong clock leaves changes of KKI out.'
    )
  }
  return 'agrees with that of the database'
}
