import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import { readFingerprint } from '../identity/digest-key.ts'
import { DigestKeyHeld, DigestKeyUnknown } from '../identity/errors.ts'
import { beforeChange } from '../identity/sealed-stores.ts'
import type { Database } from '../platform/database.ts'
import { fillRest, type Pair, storeNextDigests } from './redigest-fill.ts'
import type { DigestKeys } from './redigest-keys.ts'

/** A place that keeps a digest; `read` and `write` say it in SQL, of table `t` and line `n` of `sdmk.next_digest`. */
interface Place {
  table: string
  read: string
  write: string
}

const places: readonly Place[] = [
  column('sdmk.health_worker', 'nik_digest'),
  column('sdmk.former_nik', 'nik_digest'),
  column('kki.decision', 'nik_digest'),
  subject('kki.rejection'),
  column('kki.rejection_occurrence', 'nik_digest'),
  column('kki.rejection_occurrence', 'content_digest'),
  {
    // What an undo puts back.
    table: 'kki.change',
    read: beforeChange('nik_digest'),
    write: `health_worker_before = jsonb_set(t.health_worker_before, '{nik_digest}', to_jsonb('\\x' || encode(n.next, 'hex')))`
  },
  column('kki.staged_row', 'nik_digest'),
  column('kki.staged_rejection', 'nik_digest'),
  column('kki.staged_rejection', 'content_digest'),
  subject('kki.staged_rejection')
]

/** Longest wait for those who hold the key or write: as long others wait behind it. */
const patienceMs = 2000
const pauseMs = 3000
/** Longest time in which to try again and again: a first full run plans for a good part of it. */
const hourMs = 3_600_000

export interface Switched {
  /** Digests that were replaced. */
  digests: number
  /** By table, those of them of which nothing is kept that they were made of: they match nothing from now on. */
  lost: Record<string, number>
  /** How long nobody could write. */
  blockedMs: number
}

export interface SwitchOptions {
  /** Longest time in which to try again and again, since batches may be under way. */
  limitMs?: number
  /** Done with the switch or not at all. */
  andThen(client: pg.ClientBase, switched: Switched): Promise<void>
}

/**
 * Puts the next digest key in force and replaces every digest, in one transaction; null where that is done already. Who
 * compares digests or writes where some are kept waits meanwhile; who reads sees all as it was before, until it is over. No
 * version moves, so that plans made before still fit, and Odoo is told nothing.
 * @throws DigestKeyHeld where it could not begin within `limitMs`; SealBroken, SealUnfit: nothing was changed then
 */
export async function switchDigestKey(
  { withTransaction }: Pick<Database, 'withTransaction'>,
  keys: DigestKeys,
  { limitMs = hourMs, andThen }: SwitchOptions
): Promise<Switched | null> {
  const until = Date.now() + limitMs
  for (;;) {
    try {
      return await withTransaction(async client => {
        await lockOut(client)
        const switched = await replaceDigests(client, keys)
        if (switched !== null) await andThen(client, switched)
        return switched
      })
    } catch (cause) {
      if (!isHeld(cause)) throw cause
      if (Date.now() > until) throw new DigestKeyHeld({ cause })
      await wait(pauseMs)
    }
  }
}

/** Waits for a moment, and at the beginning alone: what is given up then costs nothing to begin again. */
async function lockOut(client: pg.ClientBase): Promise<void> {
  await client.query(`set local lock_timeout = ${patienceMs}`)
  await client.query('select sdmk.lock_digest_key()')
  // Who takes rows of these tables without comparing digests: the clock, a dismissal, the purge of raw rows and of known ones.
  const tables = [...new Set(places.map(({ table }) => table)), 'kki.known_input']
  await client.query(`lock table ${tables.join(', ')} in exclusive mode`)
  await client.query(`set local lock_timeout = 0; set local work_mem = '256MB'; set local jit = off`)
}

async function replaceDigests(client: pg.ClientBase, keys: DigestKeys): Promise<Switched | null> {
  const started = performance.now()
  const { rowCount } = await client.query(
    `update sdmk.digest_key set fingerprint = $2, next_fingerprint = null, since = now()
    where fingerprint = $1 and next_fingerprint = $2`,
    [keys.present.fingerprint, keys.next.fingerprint]
  )
  if (rowCount !== 1) {
    if ((await readFingerprint(client))?.equals(keys.next.fingerprint)) return null
    throw new DigestKeyUnknown()
  }
  await fillRest(client, keys)
  await client.query('analyze sdmk.next_digest')
  const lost = await giveUpLost(client, keys)
  let digests = 0
  for (const { table, read, write } of places) {
    const replaced = await client.query(
      `update ${table} t set ${write} from sdmk.next_digest n where n.digest = ${read}`
    )
    digests += replaced.rowCount ?? 0
  }
  // Made anew by the next rows: nothing that the former key digested is to stay. Not truncated: a backup would be waited for.
  await client.query('delete from kki.known_input')
  await client.query('update kki.staged_row set input_digest = null where input_digest is not null')
  return { digests, lost, blockedMs: Math.round(performance.now() - started) }
}

/**
 * A digest of which nothing is kept that it was made of cannot be made anew. It must not become null, which says that there
 * is no NIK, and not stay, lest the former key still tell whose it is: it becomes one of its own, which no NIK and no row has.
 */
async function giveUpLost(client: pg.ClientBase, { next }: DigestKeys): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const pairs = new Map<string, Pair>()
  for (const { table, read } of places) {
    const { rows } = await client.query<{ digest: Buffer; count: number }>(
      `select ${read} as digest, count(*) as count from ${table} t
      where ${read} is not null and not exists (select from sdmk.next_digest n where n.digest = ${read})
      group by 1`
    )
    for (const { digest, count } of rows) {
      const text = digest.toString('hex')
      pairs.set(text, [digest, next.digestRow(`lost ${text}`)])
      counts[table] = (counts[table] ?? 0) + count
    }
  }
  await storeNextDigests(client, [...pairs.values()])
  return counts
}

function column(table: string, name: string): Place {
  return { table, read: `t.${name}`, write: `${name} = n.next` }
}

/** A refused row that has no STR is known by its digest. */
function subject(table: string): Place {
  return {
    table,
    read: `case when t.subject like 'row:%' then decode(substr(t.subject, 5), 'hex') end`,
    write: `subject = 'row:' || encode(n.next, 'hex')`
  }
}

function isHeld(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === lockNotAvailable || code === deadlockDetected
}

const lockNotAvailable = '55P03'
const deadlockDetected = '40P01'
