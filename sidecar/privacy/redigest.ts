import type pg from 'pg'
import { SealUnfit } from '../identity/errors.ts'
import {
  beforeChange,
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
import { cutDeep } from '../transform/depth.ts'
import { cleanText } from '../transform/text.ts'
import type { DigestKeys } from './redigest-keys.ts'

/** The stored values from which the digests were made. */
const sources: readonly SealedStore[] = [healthWorkers, formerNiks, stagedRows, changes, occurrences, stagedRejections]

/** A column with a digest; `read` and `write` are SQL over the table `t` and the row `n` of `next_digest`. */
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
    // Values that an undo restores.
    table: 'kki.change',
    read: beforeChange('nik_digest'),
    write: `health_worker_before = jsonb_set(t.health_worker_before, '{nik_digest}', to_jsonb('\\x' || encode(n.next, 'hex')))`
  },
  column('kki.staged_row', 'nik_digest'),
  column('kki.staged_rejection', 'nik_digest'),
  column('kki.staged_rejection', 'content_digest'),
  subject('kki.staged_rejection')
]

/** Values that are opened and digested at a time; bounds memory. */
const atATime = 5000

/** A digest under the present key, and under the next one. */
type Pair = [digest: Buffer, next: Buffer]

export interface Redigested {
  /** Digests that were replaced. */
  digests: number
  /** By table, digests whose value is no longer stored: they match nothing from now on. */
  lost: Record<string, number>
}

export interface RedigestOptions {
  /** Called with the number of digested values and of all values. */
  onProgress?(done: number, total: number): void
}

/**
 * Puts the next digest key in force and replaces every digest. The caller's transaction must hold the exclusive lock on the
 * key. Versions stay the same, so earlier plans can still be applied, and Odoo gets no notice.
 * @throws SealBroken, SealUnfit
 */
export async function redigest(
  client: pg.ClientBase,
  keys: DigestKeys,
  options: RedigestOptions = {}
): Promise<Redigested> {
  await client.query(
    `set local work_mem = '256MB'; set local jit = off;
    create temporary table next_digest (digest bytea not null, next bytea not null) on commit drop`
  )
  await digestAnew(client, keys, options)
  await client.query('analyze next_digest')
  const lost = await giveUpLost(client, keys)
  let digests = 0
  for (const { table, read, write } of places) {
    const replaced = await client.query(`update ${table} t set ${write} from next_digest n where n.digest = ${read}`)
    digests += replaced.rowCount ?? 0
  }
  await client.query('update sdmk.digest_key set fingerprint = $1, since = now()', [keys.next.fingerprint])
  return { digests, lost }
}

/** Computes each digest with the next key, from the sealed value of the same row. */
async function digestAnew(client: pg.ClientBase, keys: DigestKeys, { onProgress }: RedigestOptions): Promise<void> {
  let [done, total] = [0, 0]
  for (const source of sources) total += await countValues(client, source)
  for (const source of sources) {
    await client.query(
      `declare value no scroll cursor for
      select ${placeColumns(source)}, ${source.sealed} as sealed, ${source.digest} as digest, ${source.nik ?? 'null::bytea'} as nik
      from ${source.table} t where ${source.sealed} is not null`
    )
    for (;;) {
      const { rows } = await client.query<Value>(`fetch ${atATime} from value`)
      if (rows.length === 0) break
      await storePairs(
        client,
        rows.flatMap(row => pairsOf(source, row, keys))
      )
      done += rows.length
      onProgress?.(done, total)
    }
    await client.query('close value')
  }
}

async function countValues(client: pg.ClientBase, { table, sealed }: SealedStore): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `select count(*) as count from ${table} t where ${sealed} is not null`
  )
  return rows[0]?.count ?? 0
}

async function storePairs(client: pg.ClientBase, pairs: readonly Pair[]): Promise<void> {
  await client.query('insert into next_digest select * from unnest($1::bytea[], $2::bytea[])', [
    pairs.map(([digest]) => digest),
    pairs.map(([, next]) => next)
  ])
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

/** The texts of a row that may be its NIK, because the mapping may have changed since. */
function textsIn(row: string): string[] {
  const texts: string[] = []
  JSON.parse(cutDeep(row), (_, value: unknown) => {
    if (typeof value === 'string' && /^\d{16}$/.test(cleanText(value))) texts.push(cleanText(value))
    return value
  })
  return texts
}

/**
 * A digest whose sealed value is deleted cannot be computed again. Null would mean that there is no NIK, and the old digest
 * would still identify the person to somebody with the former key. So the digest itself is digested with the next key: equal
 * ones stay equal.
 */
async function giveUpLost(client: pg.ClientBase, { next }: DigestKeys): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  const pairs = new Map<string, Pair>()
  for (const { table, read } of places) {
    const { rows } = await client.query<{ digest: Buffer; count: number }>(
      `select ${read} as digest, count(*) as count from ${table} t
      where ${read} is not null and not exists (select from next_digest n where n.digest = ${read})
      group by 1`
    )
    for (const { digest, count } of rows) {
      const text = digest.toString('hex')
      pairs.set(text, [digest, next.digestRow(`lost ${text}`)])
      counts[table] = (counts[table] ?? 0) + count
    }
  }
  await storePairs(client, [...pairs.values()])
  return counts
}

function column(table: string, name: string): Place {
  return { table, read: `t.${name}`, write: `${name} = n.next` }
}

/** A rejected row without an STR is identified by its digest. */
function subject(table: string): Place {
  return {
    table,
    read: `case when t.subject like 'row:%' then decode(substr(t.subject, 5), 'hex') end`,
    write: `subject = 'row:' || encode(n.next, 'hex')`
  }
}
