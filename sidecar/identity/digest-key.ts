import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { DigestKeyHeld, DigestKeyUnknown } from './errors.ts'
import type { Identity } from './keys.ts'

/**
 * `sdmk.digest_key` has the fingerprint of the key that made every digest in the database. That key must not change while a
 * process compares or stores digests: it would find nobody and create everybody again.
 *
 * So every connection of a process that uses the key holds a shared lock for as long as it lives, and is closed at once where
 * another key is in force. A rotation needs the lock alone. If a process is paused and the server drops its connections, its
 * transactions end with them. It must connect again to write anything, and then the fingerprint does not fit. One lock on a
 * connection of its own would not do: it can be lost while another connection is inside a transaction.
 */
const lock = `hashtextextended('sdmk digest key', 0)`

/** How often an idle process makes sure that it has a connection: in between, a rotation may not see that it runs. */
const askEveryMs = 5000
/** A process that has just ended is missed by the server a moment later. */
const attempts = 20
const pauseMs = 100

/**
 * Lets a new connection hold the digest key until it ends. A registry without a key begins with the one of this process.
 * @throws DigestKeyUnknown, or DigestKeyHeld during a rotation
 */
export async function holdDigestKey(
  client: pg.ClientBase,
  { fingerprint }: Pick<Identity, 'fingerprint'>
): Promise<void> {
  // A machine that vanished holds the key until the server misses it: after a minute, not after the system's two hours.
  await client.query('set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3')
  const { rows } = await client.query<{ isHeld: boolean }>(`select pg_try_advisory_lock_shared(${lock}) as "isHeld"`)
  if (!rows[0]?.isHeld) throw new DigestKeyHeld('it is being rotated; start again when "sdmk keys rotate" has ended')
  try {
    const inForce = (await readFingerprint(client)) ?? (await begin(client, fingerprint))
    if (!inForce?.equals(fingerprint)) throw new DigestKeyUnknown()
  } catch (error) {
    // A database without a schema has no digests. `assertMigrated` says so in its own words.
    if (!(error instanceof pg.DatabaseError && error.code === undefinedTable)) throw error
  }
}

/** Keeps at least one connection of the pool open, and calls `onLost` once another digest key is in force. Returns what ends that. */
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

/** Keeps all others from using digests until the caller's transaction ends. @throws DigestKeyHeld with the names of those who do */
export async function lockDigestKey(client: pg.ClientBase): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    const { rows } = await client.query<{ isOurs: boolean }>(`select pg_try_advisory_xact_lock(${lock}) as "isOurs"`)
    if (rows[0]?.isOurs) return
    await wait(pauseMs)
  }
  const holders = await readHolders(client)
  throw new DigestKeyHeld(
    holders.length === 0
      ? 'the process that used it has just ended; call again'
      : `stop these processes and call again: ${holders.join('; ')}`
  )
}

/** Returns the fingerprint of the digest key in force; null where there is none yet. */
export async function readFingerprint(client: pg.ClientBase): Promise<Buffer | null> {
  const { rows } = await client.query<{ fingerprint: Buffer }>('select fingerprint from sdmk.digest_key')
  return rows[0]?.fingerprint ?? null
}

async function begin(client: pg.ClientBase, fingerprint: Buffer): Promise<Buffer | null> {
  await client.query('insert into sdmk.digest_key (fingerprint) values ($1) on conflict do nothing', [fingerprint])
  // Another process may have been first, with another key.
  return readFingerprint(client)
}

/** A process has several connections; which address each has, PostgreSQL tells only to roles that may know. */
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
