import type pg from 'pg'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import { canonicalStr } from '../transform/str-number.ts'
import { readIdentity } from './digest-key.ts'
import type { IdentityKeys } from './identity.ts'

/** A person as the API shows one: of the NIK only the last two digits. Stamps are KKI's; `null` means set by SDMK. */
export interface HealthWorker {
  id: number
  name: string
  titlePrefix: string | null
  titleSuffix: string | null
  nikMasked: string | null
  birthPlace: string | null
  birthDate: string | null
  sex: 'male' | 'female' | null
  sources: Record<'name' | 'nik' | 'birthPlace' | 'birthDate' | 'sex', FieldSource | null>
  registrations: Registration[]
  version: number
  updatedAt: string
}

/** Where a value came from; `at` is KKI's stamp of it. */
export type FieldSource = { source: 'kki'; at: string } | { source: 'sdmk' }

export interface Registration {
  id: number
  strNumber: string
  strRaw: string
  strFormat: string
  profession: string
  competence: string | null
  status: string
  sourceStatus: string
  issuedOn: string | null
  validUntil: string | null
  isLifetime: boolean
  institution: string | null
  graduationYear: number | null
  province: string | null
  /** KKI's stamp; null where KKI has not told of it yet. */
  sourceAt: string | null
  match: Match
  warnings: string[]
}

/** How a row was tied to its person: the rule of the matching table, and what agreed and what differed. */
export interface Match {
  rule: number
  agreed: string[]
  /** Names that are not equal but compatible. */
  similar: string[]
  differed: string[]
}

export interface SearchQuery {
  strNumber?: string | undefined
  nik?: string | undefined
  /** The name key, or its beginning. */
  nameKey?: string | undefined
}

export interface Page<T> {
  items: T[]
  /** Pass as `after` for what follows; null where there is nothing more. */
  next: number | null
}

/** Returns the people who fit every part of the query, by id. A NIK is looked for by its digest. @throws DigestKeyUnknown */
export async function searchHealthWorkers(
  pool: pg.Pool,
  keys: IdentityKeys,
  query: SearchQuery,
  page: { after: number; limit: number }
): Promise<Page<HealthWorker>> {
  // Of one moment, or a digest key that is switched meanwhile would make everybody a stranger.
  return inTransaction(pool, client => searchWithin(client, keys, query, page), oneMoment)
}

async function searchWithin(
  client: pg.ClientBase,
  keys: IdentityKeys,
  query: SearchQuery,
  { after, limit }: { after: number; limit: number }
): Promise<Page<HealthWorker>> {
  const conditions = ['h.id > $1']
  const values: unknown[] = [after]
  const where = (condition: (parameter: string) => string, value: unknown) => {
    values.push(value)
    conditions.push(condition(`$${values.length}`))
  }
  if (query.strNumber !== undefined) {
    where(
      p => `exists (select from sdmk.registration r where r.health_worker_id = h.id and r.str_number = ${p})`,
      canonicalStr(query.strNumber)
    )
  }
  if (query.nik !== undefined) {
    const identity = await readIdentity(client, keys)
    where(p => `h.nik_digest = ${p}`, identity.digestNik(query.nik))
  }
  if (query.nameKey !== undefined) where(p => `h.name_key like ${p}`, `${query.nameKey.replace(/[\\%_]/g, '\\$&')}%`)
  values.push(limit + 1)
  const { rows } = await client.query<PersonRow>(
    `select ${personColumns} from sdmk.health_worker h where ${conditions.join(' and ')} order by h.id limit $${values.length}`,
    values
  )
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: await withRegistrations(client, shown), next: rows.length > limit && last ? last.id : null }
}

/** Returns the person, or null where there is none of this id. */
export async function readHealthWorker(pool: pg.Pool | pg.ClientBase, id: number): Promise<HealthWorker | null> {
  const [worker] = await readHealthWorkers(pool, [id])
  return worker ?? null
}

/** Returns those of these people who are there, by id. */
export async function readHealthWorkers(
  pool: pg.Pool | pg.ClientBase,
  ids: readonly number[]
): Promise<HealthWorker[]> {
  const { rows } = await pool.query<PersonRow>(
    `select ${personColumns} from sdmk.health_worker h where h.id = any ($1::bigint[]) order by h.id`,
    [ids]
  )
  return withRegistrations(pool, rows)
}

interface PersonRow {
  id: number
  name: string
  title_prefix: string | null
  title_suffix: string | null
  nik_tail: string | null
  birth_place: string | null
  birth_date: string | null
  sex: 'male' | 'female' | null
  name_at: Date | number
  nik_at: Date | number | null
  birth_place_at: Date | number | null
  birth_date_at: Date | number | null
  sex_at: Date | number | null
  version: number
  updated_at: Date
}

const personColumns = `h.id, h.name, h.title_prefix, h.title_suffix, h.nik_tail, h.birth_place, h.birth_date, h.sex,
  h.name_at, h.nik_at, h.birth_place_at, h.birth_date_at, h.sex_at, h.version, h.updated_at`

async function withRegistrations(pool: pg.Pool | pg.ClientBase, people: PersonRow[]): Promise<HealthWorker[]> {
  if (people.length === 0) return []
  const { rows } = await pool.query(
    `select r.health_worker_id, r.id, r.str_number as "strNumber", r.str_raw as "strRaw", r.str_format as "strFormat",
      r.profession, r.competence, r.status, r.source_status as "sourceStatus", r.issued_on as "issuedOn",
      r.valid_until as "validUntil", r.is_lifetime as "isLifetime", r.institution, r.graduation_year as "graduationYear",
      r.province, r.source_at as "sourceAt", r.match_reason, coalesce(r.warnings, '{}') as warnings
    from sdmk.registration r where r.health_worker_id = any ($1::bigint[])
    order by r.health_worker_id, r.source_at desc, r.id`,
    [people.map(({ id }) => id)]
  )
  const byPerson = Map.groupBy(rows, row => row.health_worker_id as number)
  return people.map(person => ({
    id: person.id,
    name: person.name,
    titlePrefix: person.title_prefix,
    titleSuffix: person.title_suffix,
    nikMasked: person.nik_tail && `**************${person.nik_tail}`,
    birthPlace: person.birth_place,
    birthDate: person.birth_date,
    sex: person.sex,
    sources: {
      name: sourceOf(person.name_at),
      nik: sourceOf(person.nik_at),
      birthPlace: sourceOf(person.birth_place_at),
      birthDate: sourceOf(person.birth_date_at),
      sex: sourceOf(person.sex_at)
    },
    registrations: (byPerson.get(person.id) ?? []).map(toRegistration),
    version: person.version,
    updatedAt: person.updated_at.toISOString()
  }))
}

function toRegistration({
  health_worker_id: _,
  match_reason,
  sourceAt,
  ...fields
}: Record<string, unknown>): Registration {
  return {
    ...fields,
    sourceAt: sourceAt instanceof Date ? sourceAt.toISOString() : null,
    match: parseMatch(match_reason as string)
  } as Registration
}

/** Returns the parts of `6 +nik ~name -birth_place`, as `sdmk.match_evidence` writes them. */
export function parseMatch(reason: string): Match {
  const [rule = '', ...evidence] = reason.split(' ')
  return { rule: Number(rule), ...parseEvidence(evidence) }
}

/** What two records of a person agree and differ on. */
export type Evidence = Omit<Match, 'rule'>

/** Returns what each of these people agrees and differs on with a row, by id. */
export async function compareWithPeople(
  client: pg.ClientBase,
  row: { nikDigest: Buffer | null; nameKey: string; birthDate: string | null; birthPlaceKey: string | null },
  ids: readonly number[]
): Promise<({ healthWorkerId: number } & Evidence)[]> {
  const { rows } = await client.query<{ id: number; evidence: string }>(
    `select h.id, sdmk.match_evidence($1, $2, $3, $4, h.nik_digest, h.name_key, h.birth_date, h.birth_place_key) as evidence
    from sdmk.health_worker h where h.id = any ($5::bigint[]) order by h.id`,
    [row.nikDigest, row.nameKey, row.birthDate, row.birthPlaceKey, ids]
  )
  return rows.map(({ id, evidence }) => ({ healthWorkerId: id, ...parseEvidence(evidence.split(' ')) }))
}

function parseEvidence(evidence: string[]): Evidence {
  const marked = (mark: string) => evidence.filter(item => item.startsWith(mark)).map(item => item.slice(1))
  return { agreed: marked('+'), similar: marked('~'), differed: marked('-') }
}

/** Infinity, which pg gives as a number, marks a value that SDMK set. */
function sourceOf(at: Date | number | null): FieldSource | null {
  if (at === null) return null
  return at instanceof Date ? { source: 'kki', at: at.toISOString() } : { source: 'sdmk' }
}
