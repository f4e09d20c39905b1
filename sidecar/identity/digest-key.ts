import type pg from 'pg'
import { ConfigurationError } from '../errors.ts'
import type { Database } from '../platform/database.ts'
import { DigestKeyUnknown } from './errors.ts'
import type { Identity, IdentityKeys } from './keys.ts'
import { nikOf } from './seal-place.ts'

/**
 * The digest key in force is the one whose fingerprint `sdmk.digest_key` holds: every digest in the database was made with
 * it. A transaction that compares digests in more than one statement, or stores some, holds it first; else a switch in its
 * middle would make everybody a stranger. One that only reads may look at one snapshot instead.
 */

/** Keeps the digest key in force as it is until the caller's transaction ends, and returns its fingerprint; null where there is none yet. */
export async function holdDigestKey(client: pg.ClientBase): Promise<Buffer | null> {
  const { rows } = await client.query<{ fingerprint: Buffer | null }>('select sdmk.hold_digest_key() as fingerprint')
  return rows[0]?.fingerprint ?? null
}

/**
 * Returns the identity under the digest key in force, held as by `holdDigestKey`. Where there is none yet, the registry
 * begins with the one of the secret. @throws DigestKeyUnknown
 */
export async function holdIdentity(client: pg.ClientBase, keys: IdentityKeys): Promise<Identity> {
  return keys.under((await holdDigestKey(client)) ?? (await begin(client, keys)))
}

/** Returns the identity under the digest key in force, for who reads no more than one snapshot. @throws DigestKeyUnknown */
export async function readIdentity(client: pg.ClientBase | pg.Pool, keys: IdentityKeys): Promise<Identity> {
  return keys.under(await readFingerprint(client))
}

/**
 * Returns nothing if the secret has the digest key of this registry; `variable` says where the secret lies.
 * @throws ConfigurationError otherwise
 */
export async function assertDigestKey(
  { withTransaction }: Pick<Database, 'withTransaction'>,
  keys: IdentityKeys,
  variable: string
): Promise<void> {
  try {
    await withTransaction(client => holdIdentity(client, keys))
  } catch (cause) {
    throw cause instanceof DigestKeyUnknown ? new ConfigurationError(variable, cause.message, { cause }) : cause
  }
}

/** Returns the fingerprint of the digest key in force; null where there is none yet. */
export async function readFingerprint(client: pg.ClientBase | pg.Pool): Promise<Buffer | null> {
  const { rows } = await client.query<{ fingerprint: Buffer }>('select fingerprint from sdmk.digest_key')
  return rows[0]?.fingerprint ?? null
}

async function begin(client: pg.ClientBase, keys: IdentityKeys): Promise<Buffer | null> {
  const identity = await keys.under(null)
  await refuseStrange(client, identity)
  await client.query('insert into sdmk.digest_key (fingerprint) values ($1) on conflict do nothing', [
    identity.fingerprint
  ])
  // Another process may have been first, with another key.
  return readFingerprint(client)
}

/** A registry may be older than its fingerprint: then whoever is in it tells whether this is its key. */
async function refuseStrange(client: pg.ClientBase, identity: Identity): Promise<void> {
  const { rows } = await client.query<{ id: number; digest: Buffer; sealed: Buffer }>(
    'select id, nik_digest as digest, nik_sealed as sealed from sdmk.health_worker where nik_digest is not null limit 1'
  )
  if (!rows[0]) return
  const nik = identity.open(nikOf(rows[0].id), rows[0].sealed, 'nik').toString()
  if (!identity.digestNik(nik).equals(rows[0].digest)) throw new DigestKeyUnknown()
}
