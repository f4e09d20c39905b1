import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import type { Candidate } from '../transform/types.ts'
import { HealthWorkerNotFound, PersonRestricted } from './errors.ts'
import { rankPeople, type Sought } from './search/search.ts'

/** A person as the API shows one: of the NIK only whether there is one. Stamps are KKI's; `null` means set by SDMK. */
export interface HealthWorker {
  id: number
  name: string
  titlePrefix: string | null
  titleSuffix: string | null
  hasNik: boolean
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
  /** KKI's stamp; null if KKI has not sent this registration yet. */
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

export interface Page<T> {
  items: T[]
  /** Pass it as `after` to get the next page; null on the last page. */
  next: number | null
}

/** Returns a page of the matching people, the likeliest first. `next` is a position in this order, not an id. */
export async function searchHealthWorkers(
  connection: pg.Pool | pg.ClientBase,
  sought: Sought,
  { after, limit }: { after: number; limit: number }
): Promise<Page<HealthWorker>> {
  const ids = await rankPeople(connection, sought)
  const shown = ids.slice(after, after + limit)
  const people = new Map((await readHealthWorkers(connection, shown)).map(person => [person.id, person]))
  return {
    items: shown.flatMap(id => people.get(id) ?? []),
    next: ids.length > after + limit ? after + limit : null
  }
}

/** Returns the person who has this NIK, or null. */
export async function findByNik(client: pg.ClientBase, identity: Identity, nik: string): Promise<HealthWorker | null> {
  const [worker] = await readPeople(client, 'where h.nik_digest = $1 and h.restricted_at is null', [
    identity.digestNik(nik)
  ])
  return worker ?? null
}

/** Only the report to a person includes people whose data is restricted. */
interface ReadOptions {
  withRestricted?: boolean
}

/** Returns the person; null if there is none with this id, or if the data is restricted. */
export async function readHealthWorker(
  pool: pg.Pool | pg.ClientBase,
  id: number,
  options: ReadOptions = {}
): Promise<HealthWorker | null> {
  const [worker] = await readHealthWorkers(pool, [id], options)
  return worker ?? null
}

/** Returns the existing people among these ids, sorted by id, without people whose data is restricted. */
export async function readHealthWorkers(
  pool: pg.Pool | pg.ClientBase,
  ids: readonly number[],
  { withRestricted = false }: ReadOptions = {}
): Promise<HealthWorker[]> {
  return readPeople(pool, 'where h.id = any ($1::bigint[]) and ($2 or h.restricted_at is null)', [ids, withRestricted])
}

/** @throws PersonRestricted, HealthWorkerNotFound for somebody who was not read */
export async function refuseUnread(pool: pg.Pool | pg.ClientBase, id: number): Promise<never> {
  const { rows } = await pool.query('select from sdmk.health_worker where id = $1', [id])
  throw rows.length > 0 ? new PersonRestricted(id) : new HealthWorkerNotFound(id)
}

interface PersonRow {
  id: number
  name: string
  title_prefix: string | null
  title_suffix: string | null
  has_nik: boolean
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

interface RegistrationRow extends Omit<Registration, 'id' | 'sourceAt' | 'match'> {
  registrationId: number | null
  /** Minus infinity, which pg returns as a number, if KKI has not sent this registration yet. */
  sourceAt: Date | number
  matchReason: string
}

const personColumns = `h.id, h.name, h.title_prefix, h.title_suffix, h.nik_digest is not null as has_nik, h.birth_place, h.birth_date, h.sex,
  h.name_at, h.nik_at, h.birth_place_at, h.birth_date_at, h.sex_at, h.version, h.updated_at`

/** Returns the people that a `where` of `h` finds, by id, with all that they are registered for. */
async function readPeople(pool: pg.Pool | pg.ClientBase, where: string, values: unknown[]): Promise<HealthWorker[]> {
  const { rows } = await pool.query<PersonRow & RegistrationRow>(
    `with person as (select ${personColumns} from sdmk.health_worker h ${where})
    select person.*, r.id as "registrationId", r.str_number as "strNumber", r.str_raw as "strRaw",
      r.str_format as "strFormat", r.profession, r.competence, r.status, r.source_status as "sourceStatus",
      r.issued_on as "issuedOn", r.valid_until as "validUntil", r.is_lifetime as "isLifetime", r.institution,
      r.graduation_year as "graduationYear", r.province, r.source_at as "sourceAt", r.match_reason as "matchReason",
      coalesce(r.warnings, '{}') as warnings
    from person
    left join sdmk.registration r on r.health_worker_id = person.id
    order by person.id, r.source_at desc, r.id`,
    values
  )
  return Map.groupBy(rows, ({ id }) => id)
    .values()
    .map(([person, ...others]) => toHealthWorker(person as PersonRow & RegistrationRow, others))
    .toArray()
}

function toHealthWorker(person: PersonRow & RegistrationRow, others: RegistrationRow[]): HealthWorker {
  return {
    id: person.id,
    name: person.name,
    titlePrefix: person.title_prefix,
    titleSuffix: person.title_suffix,
    hasNik: person.has_nik,
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
    // Somebody without any comes with one line that names none.
    registrations: [person, ...others].filter(({ registrationId }) => registrationId !== null).map(toRegistration),
    version: person.version,
    updatedAt: person.updated_at.toISOString()
  }
}

function toRegistration(row: RegistrationRow): Registration {
  return {
    id: row.registrationId as number,
    strNumber: row.strNumber,
    strRaw: row.strRaw,
    strFormat: row.strFormat,
    profession: row.profession,
    competence: row.competence,
    status: row.status,
    sourceStatus: row.sourceStatus,
    issuedOn: row.issuedOn,
    validUntil: row.validUntil,
    isLifetime: row.isLifetime,
    institution: row.institution,
    graduationYear: row.graduationYear,
    province: row.province,
    sourceAt: row.sourceAt instanceof Date ? row.sourceAt.toISOString() : null,
    match: parseMatch(row.matchReason),
    warnings: row.warnings
  }
}

/** Returns the parts of `6 +nik ~name -birth_place`, as `sdmk.match_evidence` writes them. */
export function parseMatch(reason: string): Match {
  const [rule = '', ...evidence] = reason.split(' ')
  return { rule: Number(rule), ...parseEvidence(evidence) }
}

/** The fields that agree, are similar, or differ between two records of a person. */
export type Evidence = Omit<Match, 'rule'>

/** Compares a row with each of these people; sorted by id. */
export async function compareWithPeople(
  client: pg.ClientBase,
  row: { nikDigest: Buffer | null } & Pick<Candidate, 'nameKey' | 'birthDate' | 'birthPlaceKey' | 'sex'>,
  ids: readonly number[]
): Promise<({ healthWorkerId: number } & Evidence)[]> {
  const { rows } = await client.query<{ id: number; evidence: string }>(
    `select h.id, sdmk.match_evidence($1, $2, $3, $4, $5, h.nik_digest, h.name_key, h.birth_date, h.birth_place_key, h.sex)
      as evidence
    from sdmk.health_worker h where h.id = any ($6::bigint[]) order by h.id`,
    [row.nikDigest, row.nameKey, row.birthDate, row.birthPlaceKey, row.sex, ids]
  )
  return rows.map(({ id, evidence }) => ({ healthWorkerId: id, ...parseEvidence(evidence.split(' ')) }))
}

/** Returns the parts of `+nik ~name -birth_place`. */
export function parseEvidence(evidence: string[]): Evidence {
  const marked = (mark: string) => evidence.filter(item => item.startsWith(mark)).map(item => item.slice(1))
  return { agreed: marked('+'), similar: marked('~'), differed: marked('-') }
}

/** Infinity, which pg gives as a number, marks a value that SDMK set. */
function sourceOf(at: Date | number | null): FieldSource | null {
  if (at === null) return null
  return at instanceof Date ? { source: 'kki', at: at.toISOString() } : { source: 'sdmk' }
}
