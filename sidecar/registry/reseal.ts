import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { SecretChanged } from '../secrets/errors.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'
import { type IdentityKeys, identitySecret, loadIdentity, type SealPurpose } from './identity.ts'

/** A place where sealed values are kept for good; `read` and `write` say it in SQL, of table `t` and new value `u.value`. */
interface Place {
  table: string
  purpose: SealPurpose
  read: string
  write: string
}

const places: readonly Place[] = [
  { table: 'sdmk.health_worker', purpose: 'nik', read: 't.nik_sealed', write: 'nik_sealed = u.value' },
  { table: 'sdmk.former_nik', purpose: 'nik', read: 't.nik_sealed', write: 'nik_sealed = u.value' },
  { table: 'kki.rejection_occurrence', purpose: 'row', read: 't.raw_sealed', write: 'raw_sealed = u.value' },
  {
    // What an undo puts back.
    table: 'kki.change',
    purpose: 'nik',
    read: `decode(substr(t.health_worker_before ->> 'nik_sealed', 3), 'hex')`,
    write: `health_worker_before = jsonb_set(t.health_worker_before, '{nik_sealed}', to_jsonb('\\x' || encode(u.value, 'hex')))`
  }
]

/** Of batches that are under way: dropped when they end, and so not sealed anew. */
const passing = [
  ['kki.staged_page', 't.body_sealed'],
  ['kki.staged_row', 't.nik_sealed'],
  ['kki.staged_rejection', 't.raw_sealed']
] as const

/** Blocks of a table, of 8 KiB each, that are read and written in one transaction. */
const blocksAtATime = 200
/** A row that is written meanwhile may move to where was looked already; then it is looked again. */
const passes = 10

const highestKeyId = 255

/** The sealing keys of the secret, by their ids. */
export interface SealKeys {
  /** Seals. */
  present: number
  /** Was added and seals nothing yet; null where there is none. */
  next: number | null
  /** Still open what they have sealed. */
  former: number[]
}

/** Returns which keys the secret has. @throws ConfigurationError where it is missing or holds no such keys */
export async function readSealKeys(secrets: VersionedSecretStore): Promise<SealKeys> {
  await loadIdentity(secrets)
  const secret = (await secrets.read(identitySecret)) ?? {}
  const ids = Object.keys(secret).flatMap(name => /^sealKey(\d+)$/.exec(name)?.[1] ?? [])
  const present = Number(secret.sealKeyId)
  const next = secret.nextSealKeyId === undefined ? null : Number(secret.nextSealKeyId)
  return { present, next, former: ids.map(Number).filter(id => id !== present && id !== next) }
}

/** Adds a new key, which seals nothing yet, and returns its id. @throws SecretChanged where somebody else changed them */
export async function addSealKey(secrets: VersionedSecretStore): Promise<number> {
  const { present } = await readSealKeys(secrets)
  const id = (present % highestKeyId) + 1
  await changeKeys(secrets, secret => ({
    ...secret,
    [`sealKey${id}`]: randomBytes(32).toString('base64'),
    nextSealKeyId: String(id)
  }))
  return id
}

/** Puts a key in force: what is sealed from now on is sealed with it. */
export async function useSealKey(secrets: VersionedSecretStore, id: number): Promise<void> {
  await changeKeys(secrets, ({ nextSealKeyId: _, ...secret }) => ({ ...secret, sealKeyId: String(id) }))
}

/** Takes these keys out; what is sealed with them can never be opened again. */
export async function dropSealKeys(secrets: VersionedSecretStore, ids: readonly number[]): Promise<void> {
  const gone = new Set(ids.map(id => `sealKey${id}`))
  await changeKeys(secrets, secret => Object.fromEntries(Object.entries(secret).filter(([name]) => !gone.has(name))))
}

/** Changes the keys as one step. @throws SecretChanged where somebody else changed them meanwhile */
export async function changeKeys(
  secrets: VersionedSecretStore,
  change: (secret: Record<string, string>) => Record<string, string>
): Promise<void> {
  const { value, version } = await secrets.readVersion(identitySecret)
  if (value === null) throw new SecretChanged(identitySecret)
  await secrets.replace(identitySecret, version, change(value))
}

/** Returns how many values each place still has that are sealed with another key than `keyId`. */
export async function countOtherwiseSealed(client: pg.ClientBase, keyId: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const [table, read] of [...places.map(place => [place.table, place.read] as const), ...passing]) {
    const { rows } = await client.query<{ count: number }>(
      `select count(*) as count from ${table} t where get_byte(${read}, 1) <> $1`,
      [keyId]
    )
    if (rows[0]?.count) counts[table] = rows[0].count
  }
  return counts
}

export interface ResealOptions {
  /** Called with the blocks that were looked at, of all. */
  onProgress?(done: number, total: number): void
}

/**
 * Seals anew whatever is sealed with another key than `keyId`, a piece of a table in each transaction, and returns how many
 * values that were. Broken off, it is begun again where something is left. A row that somebody works on is left to a later
 * pass: nobody waits for this while it waits for them.
 */
export async function reseal(
  withTransaction: <T>(work: (client: pg.PoolClient) => Promise<T>) => Promise<T>,
  identity: IdentityKeys,
  keyId: number,
  { onProgress }: ResealOptions = {}
): Promise<number> {
  const sizes = await withTransaction(async client => {
    const blocks: number[] = []
    for (const { table } of places) blocks.push(await blocksOf(client, table))
    return blocks
  })
  const total = sizes.reduce((sum, size) => sum + size, 0)
  let [resealed, done] = [0, 0]
  for (const [index, place] of places.entries()) {
    for (let pass = 1, found = 1; found > 0 && pass <= passes; pass++) {
      found = 0
      const blocks = pass === 1 ? (sizes[index] ?? 0) : await withTransaction(client => blocksOf(client, place.table))
      for (let from = 0; from < blocks; from += blocksAtATime) {
        found += await withTransaction(client => resealBlocks(client, identity, keyId, place, from))
        if (pass > 1) continue
        done += Math.min(blocksAtATime, blocks - from)
        onProgress?.(done, total)
      }
      resealed += found
    }
  }
  return resealed
}

async function blocksOf(client: pg.ClientBase, table: string): Promise<number> {
  const { rows } = await client.query<{ blocks: number }>(
    `select pg_relation_size($1::regclass) / current_setting('block_size')::int as blocks`,
    [table]
  )
  return rows[0]?.blocks ?? 0
}

async function resealBlocks(
  client: pg.ClientBase,
  identity: IdentityKeys,
  keyId: number,
  { table, purpose, read, write }: Place,
  from: number
): Promise<number> {
  const { rows } = await client.query<{ place: string; value: Buffer }>(
    `select t.ctid::text as place, ${read} as value from ${table} t
    where t.ctid >= $1::text::tid and t.ctid < $2::text::tid and get_byte(${read}, 1) <> $3
    for no key update of t skip locked`,
    [`(${from},0)`, `(${from + blocksAtATime},0)`, keyId]
  )
  if (rows.length === 0) return 0
  const { rowCount } = await client.query(
    `update ${table} t set ${write}
    from unnest($1::text[], $2::bytea[]) as u (place, value)
    where t.ctid = u.place::tid`,
    [rows.map(({ place }) => place), rows.map(({ value }) => identity.seal(purpose, identity.open(purpose, value)))]
  )
  return rowCount ?? 0
}
