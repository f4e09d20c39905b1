import { hash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { SdmkError } from '../errors.ts'

/** What an API key may be allowed to do. */
export const scopes = [
  'runs:read',
  'runs:write',
  'rejections:write',
  'registry:read',
  'registry:write',
  'registry:reveal',
  'settings:write',
  'audit:read',
  'actor:delegate'
] as const
export type Scope = (typeof scopes)[number]

export interface ApiKey {
  id: number
  name: string
  scopes: Scope[]
}

/** A key in use has that name already. */
export class ApiKeyExists extends SdmkError {
  readonly code = 'SDMK_API_KEY_EXISTS'
}

/** Returns a new key and its id. The key is stored as a digest: this is the only time that it can be read. */
export async function createApiKey(
  pool: pg.Pool,
  name: string,
  allowed: readonly Scope[]
): Promise<{ id: number; key: string }> {
  const key = `sdmk_${randomBytes(32).toString('base64url')}`
  try {
    const { rows } = await pool.query<{ id: number }>(
      'insert into kki.api_key (name, digest, scopes) values ($1::text, $2::bytea, $3::text[]) returning id::int4 as id',
      [name, digestKey(key), [...new Set(allowed)]]
    )
    const id = rows[0]?.id
    if (id === undefined) throw new Error('the insert returned no row')
    return { id, key }
  } catch (cause) {
    if (cause instanceof pg.DatabaseError && cause.code === '23505') {
      throw new ApiKeyExists(`An API key named "${name}" is in use; choose another name or revoke that one`, { cause })
    }
    throw cause
  }
}

/** The text of a key is not one, or belongs to a key of another name or one that was revoked. */
export class ApiKeyUnusable extends SdmkError {
  readonly code = 'SDMK_API_KEY_UNUSABLE'
}

/**
 * Returns the id of the key in use under this name, which from now on has this text and these scopes; another text that it
 * had is revoked. For keys that are made elsewhere, such as the secrets of an orchestrator: the same again changes nothing.
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
    throw new ApiKeyUnusable('An API key is "sdmk_" and 43 letters, digits, hyphens or underscores')
  const digest = digestKey(key)
  await client.query(
    `update kki.api_key set revoked_at = now()
    where name = $1::text and revoked_at is null and digest <> $2::bytea`,
    [name, digest]
  )
  const { rows } = await client.query<{ id: number }>(
    `insert into kki.api_key (name, digest, scopes) values ($1::text, $2::bytea, $3::text[])
    on conflict (digest) do update set scopes = excluded.scopes
      where api_key.name = excluded.name and api_key.revoked_at is null
    returning id::int4 as id`,
    [name, digest, [...new Set(allowed)]]
  )
  const id = rows[0]?.id
  if (id === undefined)
    throw new ApiKeyUnusable('This API key was revoked, or is in use under another name; make a new one')
  return id
}

/** Returns the key in use that has this text, or `null`. */
export async function findApiKey(pool: pg.Pool, key: string): Promise<ApiKey | null> {
  const { rows } = await pool.query<ApiKey>(
    'select id::int4 as id, name, scopes from kki.api_key where digest = $1::bytea and revoked_at is null',
    [digestKey(key)]
  )
  return rows[0] ?? null
}

/** A plain digest is enough: the key itself is 256 random bits. */
function digestKey(key: string): Buffer {
  return hash('sha256', key, 'buffer')
}
