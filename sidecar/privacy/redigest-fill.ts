import type pg from 'pg'
import { SealUnfit } from '../identity/errors.ts'
import {
  changes,
  formerNiks,
  healthWorkers,
  occurrences,
  placeColumns,
  placeOf,
  type SealedStore,
  stagedRejections,
  stagedRows
} from '../identity/sealed-stores.ts'
import type { Database } from '../platform/database.ts'
import { cutDeep } from '../transform/depth.ts'
import { cleanText } from '../transform/text.ts'
import type { DigestKeys } from './redigest-keys.ts'

const sources: readonly SealedStore[] = [healthWorkers, formerNiks, stagedRows, changes, occurrences, stagedRejections]

/** Rows that are opened and digested at a time; bounds memory, and how long a transaction that writes takes. */
const atATime = 5000

/** A digest under the present key, and under the next one. */
export type Pair = [digest: Buffer, next: Buffer]

export interface FillOptions {
  /** Called with the values that were digested, of all. */
  onProgress?(done: number, total: number): void
}

/**
 * Notes ahead of a switch what each digest is under the next key, in small transactions that nobody waits for. Broken off, it
 * goes on where it was. What comes in meanwhile is left to the switch. @throws SealBroken, SealUnfit
 */
export async function fillNextDigests(
  { withTransaction }: Pick<Database, 'withTransaction'>,
  keys: DigestKeys,
  { onProgress }: FillOptions = {}
): Promise<void> {
  await withTransaction(client => beginFor(client, keys.next.fingerprint))
  const counts = await withTransaction(async client => {
    const found: number[] = []
    for (const source of sources) found.push(await countMissing(client, source))
    return found
  })
  const total = counts.reduce((sum, count) => sum + count, 0)
  let done = 0
  for (const source of sources) {
    await withTransaction(reader =>
      fillFrom(reader, keys, source, async (pairs, count) => {
        await withTransaction(writer => storeNextDigests(writer, pairs))
        done += count
        onProgress?.(Math.min(done, total), total)
      })
    )
  }
}

/** Fills in what is still missing, within the caller's transaction. @throws SealBroken, SealUnfit */
export async function fillRest(client: pg.ClientBase, keys: DigestKeys): Promise<void> {
  for (const source of sources) {
    await fillFrom(client, keys, source, pairs => storeNextDigests(client, pairs))
  }
}

export async function storeNextDigests(client: pg.ClientBase, pairs: readonly Pair[]): Promise<void> {
  await client.query(
    'insert into sdmk.next_digest (digest, next) select * from unnest($1::bytea[], $2::bytea[]) on conflict do nothing',
    [pairs.map(([digest]) => digest), pairs.map(([, next]) => next)]
  )
}

/** Empties what a switch has used. In a transaction of its own: one that waits for a backup's reader must keep nobody else waiting. */
export async function forgetNextDigests({ withTransaction }: Pick<Database, 'withTransaction'>): Promise<void> {
  await withTransaction(client => client.query('truncate sdmk.next_digest'))
}

/** What was filled for another key, of a rotation that was given up, is of no use. */
async function beginFor(client: pg.ClientBase, fingerprint: Buffer): Promise<void> {
  const { rowCount } = await client.query(
    'update sdmk.digest_key set next_fingerprint = $1 where next_fingerprint is distinct from $1',
    [fingerprint]
  )
  if (rowCount === 1) await client.query('truncate sdmk.next_digest')
}

async function countMissing(client: pg.ClientBase, source: SealedStore): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*) as count from ${source.table} t where ${isMissing(source)}`
  )
  return rows[0]?.count ?? 0
}

async function fillFrom(
  client: pg.ClientBase,
  keys: DigestKeys,
  source: SealedStore,
  store: (pairs: Pair[], count: number) => Promise<void>
): Promise<void> {
  await client.query(
    `declare missing no scroll cursor for
    select ${placeColumns(source)}, ${source.sealed} as sealed, ${source.digest} as digest, ${source.nik ?? 'null::bytea'} as nik
    from ${source.table} t where ${isMissing(source)}`
  )
  for (;;) {
    const { rows } = await client.query<Value>(`fetch ${atATime} from missing`)
    if (rows.length === 0) break
    await store(
      rows.flatMap(row => pairsOf(source, row, keys)),
      rows.length
    )
  }
  await client.query('close missing')
}

interface Value {
  row: string
  beside: string | null
  sealed: Buffer
  digest: Buffer | null
  nik: Buffer | null
}

function pairsOf(source: SealedStore, { sealed, digest, nik, ...at }: Value, { present, next }: DigestKeys): Pair[] {
  const place = placeOf(source, at)
  const value = present.open(place, sealed).toString('utf8')
  const kind = source.kind === 'nik' ? 'digestNik' : 'digestRow'
  const pairs: Pair[] = []
  if (digest !== null) {
    if (!present[kind](value).equals(digest)) throw new SealUnfit(place, 'digest')
    pairs.push([digest, next[kind](value)])
  }
  const found = nik && textsIn(value).find(text => present.digestNik(text).equals(nik))
  if (nik && found) pairs.push([nik, next.digestNik(found)])
  return pairs
}

/** The texts of a row that may be its NIK, wherever the mapping of its time had it. */
function textsIn(row: string): string[] {
  const texts: string[] = []
  JSON.parse(cutDeep(row), (_, value: unknown) => {
    if (typeof value === 'string' && /^\d{16}$/.test(cleanText(value))) texts.push(cleanText(value))
    return value
  })
  return texts
}

function isMissing({ sealed, digest, nik }: SealedStore): string {
  const lacks = (what: string) =>
    `(${what} is not null and not exists (select from sdmk.next_digest n where n.digest = ${what}))`
  return `${sealed} is not null and (${lacks(digest)}${nik === undefined ? '' : ` or ${lacks(nik)}`})`
}
