import { hash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { SdmkError } from '../errors.ts'
import { publicKeyOf } from './operator.ts'
import type { Scope } from './scopes.ts'

export interface ApiKey {
  id: number
  name: string
  scopes: Scope[]
}

/** A valid key, with the fields that the list of keys shows. */
export interface ApiKeyInUse extends ApiKey {
  createdAt: Date
  /** To the minute; `null`: never. */
  lastUsedAt: Date | null
}

/** A valid key already has that name. */
export class ApiKeyExists extends SdmkError {
  readonly code = 'SDMK_API_KEY_EXISTS'
}

/** No valid key has that name. */
export class ApiKeyNotFound extends SdmkError {
  readonly code = 'SDMK_API_KEY_NOT_FOUND'
}

type Connection = pg.Pool | pg.ClientBase

/** Returns a new key and its id. Only its digest is stored, so the key cannot be read later. */
export async function createApiKey(
  connection: Connection,
  name: string,
  allowed: readonly Scope[]
): Promise<{ id: number; key: string }> {
  const key = `sdmk_${randomBytes(32).toString('base64url')}`
  try {
    const { rows } = await connection.query<{ id: number }>(
      `insert into kki.api_key (name, digest, public_key, scopes) values ($1::text, $2::bytea, $3::bytea, $4::text[])
      returning id::int4 as id`,
      [name, digestKey(key), publicKeyOf(key), [...new Set(allowed)]]
    )
    const id = rows[0]?.id
    if (id === undefined) throw new Error('the insert returned no row')
    return { id, key }
  } catch (cause) {
    if (cause instanceof pg.DatabaseError && cause.code === '23505') {
      throw new ApiKeyExists(`A valid API key is named "${name}"; choose another name or revoke that key`, { cause })
    }
    throw cause
  }
}

/** Revokes a key and returns its id. @throws ApiKeyNotFound */
export async function revokeApiKey(connection: Connection, name: string): Promise<number> {
  const { rows } = await connection.query<{ id: number }>(
    'update kki.api_key set revoked_at = now() where name = $1::text and revoked_at is null returning id::int4 as id',
    [name]
  )
  const id = rows[0]?.id
  if (id === undefined) throw new ApiKeyNotFound(`No valid API key is named "${name}"`)
  return id
}

/** Returns the valid keys, by name. */
export async function listApiKeys(connection: Connection): Promise<ApiKeyInUse[]> {
  const { rows } = await connection.query<ApiKeyInUse>(
    `select id::int4 as id, name, scopes, created_at as "createdAt", last_used_at as "lastUsedAt"
    from kki.api_key where revoked_at is null order by name`
  )
  return rows
}

/** Returns the valid key with this text, or `null`, and records its use: at most one write per minute and key. */
export function useApiKey(connection: Connection, key: string): Promise<ApiKey | null> {
  return useKey(connection, 'digest', digestKey(key))
}

/** Returns the valid key that belongs to this public key, or `null`, and records its use. */
export function useSigningKey(connection: Connection, publicKey: Buffer): Promise<ApiKey | null> {
  return useKey(connection, 'public_key', publicKey)
}

async function useKey(connection: Connection, column: 'digest' | 'public_key', value: Buffer): Promise<ApiKey | null> {
  const { rows } = await connection.query<ApiKey & { isNoted: boolean }>(
    `select id::int4 as id, name, scopes, coalesce(last_used_at > now() - interval '1 minute', false) as "isNoted"
    from kki.api_key where ${column} = $1::bytea and revoked_at is null`,
    [value]
  )
  if (rows[0] === undefined) return null
  const { isNoted, ...key } = rows[0]
  // A request must not fail because this update fails, for example on a full disk.
  if (!isNoted) {
    await connection.query('update kki.api_key set last_used_at = now() where id = $1', [key.id]).catch(() => undefined)
  }
  return key
}

/** The text is not an API key, or belongs to a revoked key or to one of another name. */
export class ApiKeyUnusable extends SdmkError {
  readonly code = 'SDMK_API_KEY_UNUSABLE'
}

/**
 * Gives the valid key of this name this text and these scopes, and returns its id; a key of this name with another text is
 * revoked. For keys that are made elsewhere, such as the secrets of an orchestrator. A repeated call changes nothing.
 *
 * @throws ApiKeyUnusable
 */
export async function setApiKey(
  client: pg.ClientBase,
  name: string,
  allowed: readonly Scope[],
  key: string
): Promise<number> {
  if (!/^sdmk_[A-Za-z0-9_-]{43}$/.test(key))
    throw new ApiKeyUnusable('An API key consists of "sdmk_" and 43 letters, digits, hyphens or underscores')
  const digest = digestKey(key)
  await client.query(
    `update kki.api_key set revoked_at = now()
    where name = $1::text and revoked_at is null and digest <> $2::bytea`,
    [name, digest]
  )
  const { rows } = await client.query<{ id: number }>(
    `insert into kki.api_key (name, digest, public_key, scopes) values ($1::text, $2::bytea, $3::bytea, $4::text[])
    on conflict (digest) do update set scopes = excluded.scopes, public_key = excluded.public_key
      where api_key.name = excluded.name and api_key.revoked_at is null
    returning id::int4 as id`,
    [name, digest, publicKeyOf(key), [...new Set(allowed)]]
  )
  const id = rows[0]?.id
  if (id === undefined)
    throw new ApiKeyUnusable('This API key was revoked, or is valid under another name; create a new one')
  return id
}

/** A plain digest is enough: the key itself is 256 random bits. */
function digestKey(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}
