import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { DigestKeyHeld, DigestKeyUnknown } from './errors.ts'
import type { Identity } from './keys.ts'

/**
 * `sdmk.digest_key` has the fingerprint of the key that made every digest in the database. If that key changed while a
 * process compares or stores digests, no NIK would match any more and every person would be created again.
 *
 * So every connection of a process that uses the key holds a shared lock for its whole life. It is closed at once if another
 * key is in force. A rotation needs the lock exclusively. If a process is paused and the server drops its connections, its
 * transactions end too. Before it can write again it must connect, and then the fingerprint differs. One lock on a separate
 * connection would not be enough: it can be lost while another connection is inside a transaction.
 */
const lock = `hashtextextended('sdmk digest key', 0)`

/** How often an idle process checks its connection. Without a connection, a rotation does not see the process. */
const askEveryMs = 5000
/** After a process has ended, the server needs a moment to notice. */
const attempts = 20
const pauseMs = 100

/**
 * Makes a new connection hold the lock on the digest key until it ends. A registry without a key gets the one of this
 * process.
 * @throws DigestKeyUnknown, or DigestKeyHeld during a rotation
 */
export async function holdDigestKey(
  client: pg.ClientBase,
  { fingerprint }: Pick<Identity, 'fingerprint'>
): Promise<void> {
  // If a machine vanishes, the server notices after a minute and frees the lock; the system's default is two hours.
  await client.query('set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3')
  const { rows } = await client.query<{ isHeld: boolean }>(`select pg_try_advisory_lock_shared(${lock}) as "isHeld"`)
  if (!rows[0]?.isHeld) throw new DigestKeyHeld('it is being rotated; start again when "sdmk keys rotate" has ended')
  try {
    const inForce = (await readFingerprint(client)) ?? (await begin(client, fingerprint))
    if (!inForce?.equals(fingerprint)) throw new DigestKeyUnknown()
  } catch (error) {
    // A database without a schema has no digests. `assertMigrated` reports the missing schema.
    if (!(error instanceof pg.DatabaseError && error.code === undefinedTable)) throw error
  }
}

/**
 * Keeps at least one connection of the pool open, and calls `onLost` once another digest key is in force. Returns a
 * function that stops it.
 */
export function keepDigestKey(pool: pg.Pool, onLost: (error: DigestKeyUnknown) => void): { close(): void } {
  let isAsking = false
  const timer = setInterval(async () => {
    if (isAsking) return
    isAsking = true
    try {
      await pool.query('select')
    } catch (error) {
      if (error instanceof DigestKeyUnknown) {
        clearInterval(timer)
        onLost(error)
      }
    }
    isAsking = false
  }, askEveryMs).unref()
  return { close: () => clearInterval(timer) }
}

/**
 * Keeps all other processes from using digests until the caller's transaction ends.
 * @throws DigestKeyHeld with their names
 */
export async function lockDigestKey(client: pg.ClientBase): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const { rows } = await client.query<{ isOurs: boolean }>(`select pg_try_advisory_xact_lock(${lock}) as "isOurs"`)
    if (rows[0]?.isOurs) return
    await wait(pauseMs)
  }
  const holders = await readHolders(client)
  throw new DigestKeyHeld(
    holders.length === 0
      ? 'the process that used it has just ended; run the command again'
      : `stop these processes and run the command again: ${holders.join('; ')}`
  )
}

/** Returns the fingerprint of the digest key in force; null if there is none yet. */
export async function readFingerprint(client: pg.ClientBase): Promise<Buffer | null> {
  const { rows } = await client.query<{ fingerprint: Buffer }>('select fingerprint from sdmk.digest_key')
  return rows[0]?.fingerprint ?? null
}

async function begin(client: pg.ClientBase, fingerprint: Buffer): Promise<Buffer | null> {
  await client.query('insert into sdmk.digest_key (fingerprint) values ($1) on conflict do nothing', [fingerprint])
  // Another process may have been first, with another key.
  return readFingerprint(client)
}

/** One entry per process, which has several connections. PostgreSQL shows their addresses only to permitted roles. */
async function readHolders(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string; address: string | null; pids: string }>(
    `select a.application_name as name, host(a.client_addr) as address, string_agg(a.pid::text, ', ' order by a.pid) as pids
    from pg_locks l join pg_stat_activity a using (pid)
    where l.locktype = 'advisory' and l.granted and l.objsubid = 1 and l.pid <> pg_backend_pid()
      and l.database = (select oid from pg_database where datname = current_database())
      and (l.classid::bigint << 32 | l.objid::bigint) = ${lock}
    group by 1, 2 order by 1, 2`
  )
  return rows.map(
    ({ name, address, pids }) => `"${name}" from ${address ?? 'an unknown address'} (PostgreSQL pid ${pids})`
  )
}

const undefinedTable = '42P01'
