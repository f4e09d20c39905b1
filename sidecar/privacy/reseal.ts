import { randomBytes } from 'node:crypto'
import type pg from 'pg'
import { SealFault, SealUnfit } from '../identity/errors.ts'
import { type Identity, identitySecret, loadIdentity, sealVersion } from '../identity/keys.ts'
import {
  changes,
  formerNiks,
  healthWorkers,
  occurrences,
  placeColumns,
  placeOf,
  type SealedStore
} from '../identity/sealed-stores.ts'
import { SecretChanged } from '../secrets/errors.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'

/** Columns that keep sealed values permanently, and the SQL that writes `u.value` there. */
const stores: readonly [store: SealedStore, write: string][] = [
  [healthWorkers, 'nik_sealed = u.value'],
  [formerNiks, 'nik_sealed = u.value'],
  [occurrences, 'raw_sealed = u.value'],
  [
    changes,
    `health_worker_before = jsonb_set(t.health_worker_before, '{nik_sealed}', to_jsonb('\\x' || encode(u.value, 'hex')))`
  ]
]

/** Tables of open batches: they are dropped at the end of a batch, so their values are not resealed. */
const passing = [
  ['kki.staged_page', 't.body_sealed'],
  ['kki.staged_row', 't.nik_sealed'],
  ['kki.staged_rejection', 't.raw_sealed']
] as const

/** Table blocks, of 8 KiB each, that one transaction reads and writes. */
const blocksAtATime = 200
/** A row that is updated meanwhile may move to a block that was already read; then a further pass is needed. */
const passes = 10

const highestKeyId = 255

/** The sealing keys of the secret, by their ids. */
export interface SealKeys {
  /** Seals new values. */
  present: number
  /** Added, but seals nothing yet; null if there is none. */
  next: number | null
  /** Open only values that they sealed earlier. */
  former: number[]
}

/** Returns the sealing keys of the secret. @throws ConfigurationError if the secret or its keys are missing */
export async function readSealKeys(secrets: VersionedSecretStore): Promise<SealKeys> {
  await loadIdentity(secrets)
  const secret = (await secrets.read(identitySecret)) ?? {}
  const ids = Object.keys(secret).flatMap(name => /^sealKey(\d+)$/.exec(name)?.[1] ?? [])
  const present = Number(secret.sealKeyId)
  const next = secret.nextSealKeyId === undefined ? null : Number(secret.nextSealKeyId)
  return { present, next, former: ids.map(Number).filter(id => id !== present && id !== next) }
}

/** Adds a new key, which seals nothing yet, and returns its id. @throws SecretChanged if the secret was changed meanwhile */
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

/** Puts a key in force: it seals all new values from now on. */
export async function useSealKey(secrets: VersionedSecretStore, id: number): Promise<void> {
  await changeKeys(secrets, ({ nextSealKeyId: _, ...secret }) => ({ ...secret, sealKeyId: String(id) }))
}

/** Removes these keys; values that are sealed with them can never be opened again. */
export async function dropSealKeys(secrets: VersionedSecretStore, ids: readonly number[]): Promise<void> {
  const gone = new Set(ids.map(id => `sealKey${id}`))
  await changeKeys(secrets, secret => Object.fromEntries(Object.entries(secret).filter(([name]) => !gone.has(name))))
}

/** Changes the keys in one step. @throws SecretChanged if the secret was changed meanwhile */
export async function changeKeys(
  secrets: VersionedSecretStore,
  change: (secret: Record<string, string>) => Record<string, string>
): Promise<void> {
  const { value, version } = await secrets.readVersion(identitySecret)
  if (value === null) throw new SecretChanged(identitySecret)
  await secrets.replace(identitySecret, version, change(value))
}

/** Returns how many values each table still has that are sealed with another key than `keyId`, or not bound to a row. */
export async function countOtherwiseSealed(client: pg.ClientBase, keyId: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const [table, read] of [...stores.map(([{ table, sealed }]) => [table, sealed] as const), ...passing]) {
    const { rows } = await client.query<{ count: number }>(
      `select count(*) as count from ${table} t where ${isOtherwise(read, '$1')}`,
      [beginningOf(keyId)]
    )
    if (rows[0]?.count) counts[table] = rows[0].count
  }
  return counts
}

export interface ResealOptions {
  /** Called with the number of processed blocks and of all blocks. */
  onProgress?(done: number, total: number): void
}

export interface Resealed {
  resealed: number
  /** Values that belong to another row or field. They stay unchanged. */
  faults: SealFault[]
}

/**
 * Reseals all values that are sealed with another key than `keyId`, or not bound to a row, a piece of a table in each
 * transaction. After an interruption, call it again for the rest. A row that is locked is left to a later pass, so nobody
 * waits for this while it waits for them.
 *
 * Each value is first opened for its place and compared with the digest in its row. A value that was moved here stays
 * unchanged: resealing would make it valid here.
 */
export async function reseal(
  withTransaction: <T>(work: (client: pg.ClientBase) => Promise<T>) => Promise<T>,
  identity: Identity,
  keyId: number,
  { onProgress }: ResealOptions = {}
): Promise<Resealed> {
  const sizes = await withTransaction(async client => {
    const blocks: number[] = []
    for (const [{ table }] of stores) blocks.push(await blocksOf(client, table))
    return blocks
  })
  const total = sizes.reduce((sum, size) => sum + size, 0)
  // By place, since a later pass finds them again.
  const faults = new Map<string, SealFault>()
  let [resealed, done] = [0, 0]
  for (const [index, [store, write]] of stores.entries()) {
    for (let pass = 1, found = 1; found > 0 && pass <= passes; pass++) {
      found = 0
      const blocks = pass === 1 ? (sizes[index] ?? 0) : await withTransaction(client => blocksOf(client, store.table))
      for (let from = 0; from < blocks; from += blocksAtATime) {
        const piece = await withTransaction(client => resealBlocks(client, identity, keyId, store, write, from))
        found += piece.resealed
        for (const fault of piece.faults) faults.set(fault.message, fault)
        if (pass > 1) continue
        done += Math.min(blocksAtATime, blocks - from)
        onProgress?.(done, total)
      }
      resealed += found
    }
  }
  return { resealed, faults: [...faults.values()] }
}

async function blocksOf(client: pg.ClientBase, table: string): Promise<number> {
  const { rows } = await client.query<{ blocks: number }>(
    `select pg_relation_size($1::regclass) / current_setting('block_size')::int as blocks`,
    [table]
  )
  return rows[0]?.blocks ?? 0
}

interface Stored {
  ctid: string
  row: string
  beside: string | null
  value: Buffer
  digest: Buffer | null
}

async function resealBlocks(
  client: pg.ClientBase,
  identity: Identity,
  keyId: number,
  store: SealedStore,
  write: string,
  from: number
): Promise<Resealed> {
  const { rows } = await client.query<Stored>(
    `select t.ctid::text as ctid, ${placeColumns(store)}, ${store.sealed} as value, ${store.digest} as digest
    from ${store.table} t
    where t.ctid >= $1::text::tid and t.ctid < $2::text::tid and ${isOtherwise(store.sealed, '$3')}
    for no key update of t skip locked`,
    [`(${from},0)`, `(${from + blocksAtATime},0)`, beginningOf(keyId)]
  )
  const [ctids, values, faults]: [string[], Buffer[], SealFault[]] = [[], [], []]
  for (const row of rows) {
    try {
      values.push(sealAnew(identity, store, row))
      ctids.push(row.ctid)
    } catch (error) {
      if (!(error instanceof SealFault)) throw error
      faults.push(error)
    }
  }
  if (ctids.length === 0) return { resealed: 0, faults }
  const { rowCount } = await client.query(
    `update ${store.table} t set ${write}
    from unnest($1::text[], $2::bytea[]) as u (place, value)
    where t.ctid = u.place::tid`,
    [ctids, values]
  )
  return { resealed: rowCount ?? 0, faults }
}

/** @throws SealBroken, SealUnfit */
function sealAnew(identity: Identity, store: SealedStore, { value, digest, ...at }: Stored): Buffer {
  const place = placeOf(store, at)
  const text = identity.open(place, value, store.kind).toString('utf8')
  const found = store.kind === 'nik' ? identity.digestNik(text) : identity.digestRow(text)
  const [, subject] = /row:(.*)/.exec(at.beside ?? '') ?? []
  if (digest !== null && !found.equals(digest)) throw new SealUnfit(place, 'digest')
  if (subject !== undefined && subject !== found.toString('hex')) throw new SealUnfit(place, 'digest')
  return identity.seal(place, text)
}

/** True if a value lacks the prefix of `keyId`'s present format: it has another key or the former version. */
function isOtherwise(sealed: string, beginning: string): string {
  return `substr(${sealed}, 1, 2) <> ${beginning}::bytea`
}

function beginningOf(keyId: number): Buffer {
  return Buffer.from([sealVersion, keyId])
}
