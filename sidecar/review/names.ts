import pg from 'pg'
import { SdmkError } from '../errors.ts'
import { SealFault } from '../identity/errors.ts'
import type { Identity } from '../identity/keys.ts'
import { openRow, type SealedRow } from '../identity/open-sealed.ts'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import type { ReviewContext } from '../sync/open-rejections.ts'
import { compileSource } from '../transform/field-source.ts'
import type { Mapping } from '../transform/mapping.ts'
import { nameKey as toNameKey } from '../transform/name.ts'
import { maskRow } from './mask.ts'

export interface RejectionNames {
  id: number
  /** The name in the latest row, as KKI spells it. Null if the row has none or was deleted, or if its person is restricted. */
  name: string | null
  /** Without people whose data is restricted. */
  candidates: { id: number; name: string }[]
}

type NamesContext = Pick<ReviewContext, 'identity' | 'reader' | 'maxSkewSeconds'>

/** Returns the names in these rejections and of their candidates, by id. Names in unreadable rows are masked. */
export async function readRejectionNames(
  pool: pg.Pool,
  context: NamesContext,
  ids: readonly number[]
): Promise<RejectionNames[]> {
  return inTransaction(
    pool,
    async client => {
      const rows = await readLastRows(client, ids)
      const candidates = await readCandidates(client, ids)
      const nameIn = compileNameReader(context)
      return rows.map(({ id, ...row }) => ({ id, name: nameIn(row), candidates: candidates.get(id) ?? [] }))
    },
    oneMoment
  )
}

/** True if a row has the NIK or the STR of a restricted person; `o` and `r` are its occurrence and rejection. */
const isRestricted = `exists (
    select from sdmk.health_worker h where h.nik_digest = o.nik_digest and h.restricted_at is not null
  ) or exists (
    select from sdmk.registration g join sdmk.health_worker h on h.id = g.health_worker_id
    where g.str_number = r.str_number and h.restricted_at is not null
  )`

interface LastRow extends Omit<SealedRow, 'rawSealed'> {
  rawSealed: Buffer | null
}

async function readLastRows(client: pg.ClientBase, ids: readonly number[]) {
  const { rows } = await client.query<LastRow & { id: number }>(
    `select r.id, r.source, r.subject, o.batch_id as "batchId", o.row_no as "rowNo", o.content_digest as "contentDigest",
      case when not (${isRestricted}) then o.raw_sealed end as "rawSealed"
    from kki.rejection r
    left join lateral (
      select * from kki.rejection_occurrence o
      where o.rejection_id = r.id order by o.batch_id desc, o.row_no desc limit 1
    ) o on true
    where r.id = any ($1::bigint[]) order by r.id`,
    [ids]
  )
  return rows
}

async function readCandidates(client: pg.ClientBase, ids: readonly number[]) {
  const { rows } = await client.query<{ rejectionId: number; id: number; name: string }>(
    `select r.id as "rejectionId", h.id, h.name
    from kki.rejection r
    join sdmk.health_worker h on h.id = any (r.candidates)
    where r.id = any ($1::bigint[]) and h.restricted_at is null and h.erased_at is null order by r.id, h.id`,
    [ids]
  )
  return new Map(
    [...Map.groupBy(rows, ({ rejectionId }) => rejectionId)].map(([id, people]) => [
      id,
      people.map(({ rejectionId: _, ...person }) => person)
    ])
  )
}

/** Returns a function that reads the name from a sealed row: through the mapping, or, if that fails, the masked raw value. */
function compileNameReader({ identity, reader, maxSkewSeconds }: NamesContext) {
  const places = new Map<Mapping, ReturnType<typeof compileSource>>()
  const placeOf = (mapping: Mapping) => {
    const known = places.get(mapping) ?? compileSource(mapping.fields.name)
    places.set(mapping, known)
    return known
  }
  return ({ rawSealed, ...row }: LastRow): string | null => {
    const raw = rawSealed && openOrNull(identity, { ...row, rawSealed })
    if (!raw) return null
    const parsed = JSON.parse(raw)
    const result = reader.transform(parsed, { sourceNow: Date.now(), maxSkewMs: maxSkewSeconds * 1000 })
    if (result.ok) {
      const { titlePrefix, name, titleSuffix } = result.value
      return [titlePrefix, name, titleSuffix].filter(Boolean).join(' ')
    }
    const mapping = reader.mappingOf(parsed)
    const told = placeOf(mapping)(maskRow(raw, mapping, result.strNumber !== null))
    return typeof told === 'string' && told.trim() !== '' ? told.trim() : null
  }
}

/** Returns null if a row was sealed for another place. Opening the rejection reports this fault; a list only omits the name. */
function openOrNull(identity: Identity, row: SealedRow): string | null {
  try {
    return openRow(identity, row)
  } catch (error) {
    if (error instanceof SealFault) return null
    throw error
  }
}

export interface NameSearch {
  /** A name key. Each of its words must begin a word of the name. */
  nameKey: string
  state?: string | undefined
}

/** Unreadable rows have no stored name key, so a search must open them. It opens at most this many, the newest first. */
const mostOpened = 2000

/** A search without a state reads every stored rejection, so it needs a time limit. */
const longestSearchMs = 10_000

/** A search by name did not end in time. */
export class SearchTooLong extends SdmkError {
  readonly code = 'UNAVAILABLE'

  constructor(options: ErrorOptions) {
    super('The search by name takes too long at the moment. Give more of the name, or a state.', options)
  }
}

/**
 * Returns rejections in which a row or a candidate has this name, newest first. Only pending rows and the latest row of each
 * rejection are searched. @throws SearchTooLong
 */
export async function findRejectionsByName(
  pool: pg.Pool,
  context: NamesContext,
  search: NameSearch,
  limit: number
): Promise<{ id: number }[]> {
  return inTransaction(
    pool,
    async client => {
      await client.query(`set local statement_timeout = ${longestSearchMs}`)
      const ids = new Set([
        ...(await findByKey(client, search, limit)),
        ...(await findUnreadable(client, context, search))
      ])
      return [...ids]
        .sort((one, other) => other - one)
        .slice(0, limit)
        .map(id => ({ id }))
    },
    oneMoment
  ).catch(error => {
    if (error instanceof pg.DatabaseError && error.code === queryCanceled) throw new SearchTooLong({ cause: error })
    throw error
  })
}

const queryCanceled = '57014'

async function findByKey(client: pg.ClientBase, { nameKey, state }: NameSearch, limit: number): Promise<number[]> {
  const words = nameKey.split(' ').map(word => `% ${word.replace(/[\\%_]/g, '\\$&')}%`)
  const { rows } = await client.query<{ id: number }>(
    `select r.id
    from kki.rejection r
    where ($2::text is null or r.state = $2) and (
      exists (
        select from kki.rejection_occurrence o
        where o.rejection_id = r.id and (o.batch_id = r.last_batch_id or o.settled_by_batch_id is null)
          and ' ' || o.name_key like all ($1::text[]) and not (${isRestricted})
      )
      or exists (
        select from sdmk.health_worker h
        where h.id = any (r.candidates) and h.restricted_at is null and ' ' || h.name_key like all ($1::text[])
      )
    )
    order by r.id desc limit $3`,
    [words, state ?? null, limit]
  )
  return rows.map(({ id }) => id)
}

async function findUnreadable(
  client: pg.ClientBase,
  context: NamesContext,
  { nameKey, state }: NameSearch
): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>(
    `select r.id from kki.rejection r
    where ($1::text is null or r.state = $1) and exists (
      select from kki.rejection_occurrence o
      where o.rejection_id = r.id and o.name_key is null and o.raw_sealed is not null
    )
    order by r.id desc limit ${mostOpened}`,
    [state ?? null]
  )
  const nameIn = compileNameReader(context)
  const words = nameKey.split(' ')
  const found: number[] = []
  for (const { id, ...row } of await readLastRows(
    client,
    rows.map(({ id }) => id)
  )) {
    const told = ` ${toNameKey(nameIn(row) ?? '')}`
    if (words.every(word => told.includes(` ${word}`))) found.push(id)
  }
  return found
}
