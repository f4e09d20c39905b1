import type pg from 'pg'
import { PreconditionFailed, RequestInvalid } from '../errors.ts'
import type { Identity } from '../identity/keys.ts'
import { nikOf } from '../identity/seal-place.ts'
import { holdsIdentityNumber } from '../platform/identity-number.ts'
import { birthDateFault } from '../transform/birth-date.ts'
import type { BirthPlaceReader } from '../transform/birth-place.ts'
import type { BlankTest } from '../transform/blank.ts'
import { coreKey, splitName } from '../transform/name.ts'
import { nikFault } from '../transform/nik.ts'
import { cleanText } from '../transform/text.ts'
import { HealthWorkerNotFound, NikTaken, PersonErased, PersonRestricted } from './errors.ts'
import { takeFrom } from './move-niks.ts'

/** Values of a person that SDMK sets by hand; null removes a value, and KKI's next value fills it. */
export interface PersonEdit {
  name?: string | undefined
  titlePrefix?: string | null | undefined
  titleSuffix?: string | null | undefined
  nik?: string | null | undefined
  birthPlace?: string | null | undefined
  /** `YYYY-MM-DD` */
  birthDate?: string | null | undefined
  sex?: 'male' | 'female' | null | undefined
}

export interface EditContext {
  identity: Identity
  birthPlaceOf: BirthPlaceReader
  isBlank: Record<(typeof textFields)[number], BlankTest>
  /** The present day, `YYYY-MM-DD`. */
  today: string
}

const textFields = ['name', 'titlePrefix', 'titleSuffix', 'birthPlace'] as const

/** A stamp that no row of KKI is greater than. */
const ownStamp = 'infinity'

interface PersonRow {
  name: string
  title_prefix: string | null
  title_suffix: string | null
  birth_place: string | null
  birth_date: string | null
  nik_digest: Buffer | null
  nik_sealed: Buffer | null
  version: number
  isRestricted: boolean
  isErased: boolean
}

/**
 * Sets values of a person by hand, within the caller's transaction; they belong to SDMK from then on. A NIK that is replaced
 * is stored as a former one. Returns the names of the fields that changed.
 * @throws HealthWorkerNotFound, PreconditionFailed if the caller read another version, RequestInvalid, NikTaken,
 *   SealBroken, SealUnfit if the replaced NIK does not belong to the person
 */
export async function editHealthWorker(
  client: pg.ClientBase,
  context: EditContext,
  id: number,
  version: number,
  edit: PersonEdit
): Promise<string[]> {
  const { identity } = context
  const { rows } = await client.query<PersonRow>(
    `select name, title_prefix, title_suffix, birth_place, birth_date, nik_digest, nik_sealed, version,
      restricted_at is not null as "isRestricted", erased_at is not null as "isErased"
    from sdmk.health_worker where id = $1 for no key update`,
    [id]
  )
  if (!rows[0]) throw new HealthWorkerNotFound(id)
  if (rows[0].isRestricted) throw new PersonRestricted(id)
  if (rows[0].isErased) throw new PersonErased(id)
  if (rows[0].version !== version) throw new PreconditionFailed(`Health worker ${id}`)
  checkTexts(edit, context)
  const columns = {
    ...nameColumns(edit, rows[0]),
    ...nikColumns(edit, id, identity),
    ...birthColumns(edit, rows[0], context),
    ...sexColumns(edit)
  }
  if (Object.keys(columns).length === 0) return []
  if (columns.nik_digest instanceof Buffer) await refuseTaken(client, id, columns.nik_digest)
  const before = 'nik_digest' in columns ? await keepNik(client, identity, id, rows[0], columns.nik_digest) : null
  const names = Object.keys(columns)
  const changed = await client.query<{ before: Record<string, unknown> | null }>(
    `with old as (select h as before from sdmk.health_worker h where h.id = $1), updated as (
      update sdmk.health_worker h
      set ${names.map((name, i) => `${name} = $${i + 2}`).join(', ')}, version = nextval('sdmk.version_seq'), updated_at = now()
      from old where h.id = $1
      returning kki.changed_fields(
        jsonb_populate_record(old.before, coalesce($${names.length + 2}::jsonb, '{}')), h
      ) as before
    ), recorded as (
      insert into kki.change (operation, health_worker_id, health_worker_before)
      select 'edited', $1, before from updated where before is not null
    )
    select before from updated`,
    [id, ...names.map(name => columns[name]), before && { nik_sealed: `\\x${before.toString('hex')}` }]
  )
  return Object.keys(changed.rows[0]?.before ?? {})
}

/** An identity number would be stored in clear, and a text without content would erase the known value. */
function checkTexts(edit: PersonEdit, { isBlank }: EditContext): void {
  for (const field of textFields) {
    const given = edit[field]
    if (given == null) continue
    const text = cleanText(given)
    if (holdsIdentityNumber(text)) throw new RequestInvalid(field, 'must not contain an identity number')
    if (isBlank[field](text)) {
      throw new RequestInvalid(
        field,
        field === 'name' ? 'has no content' : 'has no content; send null to remove the value'
      )
    }
  }
}

type Columns = Record<string, unknown>

function nameColumns({ name, titlePrefix, titleSuffix }: PersonEdit, now: PersonRow): Columns {
  if (name === undefined && titlePrefix === undefined && titleSuffix === undefined) return {}
  const given = (title: string | null | undefined, stored: string | null) =>
    title === undefined ? stored : title === null ? null : cleanText(title)
  const parts = splitName(
    name === undefined ? now.name : cleanText(name),
    given(titlePrefix, now.title_prefix),
    given(titleSuffix, now.title_suffix)
  )
  const key = coreKey(parts.name)
  if (key === '') throw new RequestInvalid('name', 'contains only titles')
  return {
    name: parts.name,
    title_prefix: parts.titlePrefix,
    title_suffix: parts.titleSuffix,
    name_key: key,
    name_at: ownStamp
  }
}

function nikColumns({ nik }: PersonEdit, id: number, identity: Identity): Columns {
  if (nik === undefined) return {}
  if (nik === null) return { nik_digest: null, nik_sealed: null, nik_at: null }
  const fault = nikFault(nik)
  if (fault !== null) throw new RequestInvalid('nik', nikFaults[fault])
  return {
    nik_digest: identity.digestNik(nik),
    nik_sealed: identity.seal(nikOf(id), nik),
    nik_at: ownStamp
  }
}

const nikFaults = {
  length: 'must be 16 digits',
  rounded: 'is a rounded number, not 16 digits',
  placeholder: 'is a placeholder',
  month: 'has no month at digits 9 and 10',
  day: 'has no day at digits 7 and 8',
  date: 'has a date that does not exist'
}

function birthColumns(
  { birthPlace, birthDate }: PersonEdit,
  now: PersonRow,
  { birthPlaceOf, today }: EditContext
): Columns {
  const columns: Columns = {}
  if (birthDate !== undefined) {
    const fault = birthDate === null ? null : birthDateFault(birthDate, today)
    if (fault !== null)
      throw new RequestInvalid('birthDate', fault === 'future' ? 'is in the future' : 'is too long ago')
    columns.birth_date = birthDate
    columns.birth_date_at = birthDate === null ? null : ownStamp
  }
  if (birthPlace === undefined && birthDate === undefined) return columns
  // The name of a place depends on the time, so another birth date may make it another place.
  const place = birthPlace === undefined ? now.birth_place : birthPlace === null ? null : cleanText(birthPlace)
  const date = birthDate === undefined ? now.birth_date : birthDate
  const key = place === null ? null : birthPlaceOf(place, date === null ? null : Number(date.slice(0, 4)))
  if (birthPlace !== undefined && place !== null && key === null)
    throw new RequestInvalid('birthPlace', 'has no letter')
  columns.birth_place_key = key?.key ?? null
  if (birthPlace !== undefined) {
    columns.birth_place = place
    columns.birth_place_at = place === null ? null : ownStamp
  }
  return columns
}

function sexColumns({ sex }: PersonEdit): Columns {
  return sex === undefined ? {} : { sex, sex_at: sex === null ? null : ownStamp }
}

async function refuseTaken(client: pg.ClientBase, id: number, nikDigest: Buffer): Promise<void> {
  if (await isTaken(client, id, nikDigest)) throw new NikTaken()
}

async function isTaken(client: pg.ClientBase, id: number, nikDigest: Buffer): Promise<boolean> {
  const { rows } = await client.query('select from sdmk.health_worker where nik_digest = $1 and id <> $2', [
    nikDigest,
    id
  ])
  return rows.length > 0
}

/** Returns whether another person has the NIK. */
export async function isNikTaken(client: pg.ClientBase, identity: Identity, id: number, nik: string): Promise<boolean> {
  return isTaken(client, id, identity.digestNik(nik))
}

/**
 * Stores the person's former NIK, which never matches again. Returns it sealed for the change record; null if there was
 * none. @throws SealBroken, SealUnfit
 */
async function keepNik(
  client: pg.ClientBase,
  identity: Identity,
  id: number,
  { nik_digest: digest, nik_sealed: sealed }: PersonRow,
  newDigest: unknown
): Promise<Buffer | null> {
  if (digest === null || sealed === null) return null
  const { former, changed } = takeFrom(identity, id, { sealed, digest })
  if (!(newDigest instanceof Buffer && newDigest.equals(digest))) {
    await client.query(
      `insert into sdmk.former_nik (health_worker_id, nik_digest, nik_sealed)
      select id, nik_digest, $2 from sdmk.health_worker where id = $1
      on conflict do nothing`,
      [id, former]
    )
  }
  return changed
}
