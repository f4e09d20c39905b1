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
