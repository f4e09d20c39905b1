import type pg from 'pg'
import { type Evidence, type HealthWorker, parseEvidence, readHealthWorkers } from '../registry/health-workers.ts'

/** Former values of a person, by column; only columns that changed since. */
type Former = Partial<{
  name: string
  title_prefix: string | null
  title_suffix: string | null
  nik_digest: string | null
  birth_place: string | null
  birth_date: string | null
  sex: 'male' | 'female' | null
}>

interface FormerLicence {
  id: number
  before: Partial<{ health_worker_id: number; status: string; profession: string }>
}

/**
 * Returns people with their values and licences from just before a batch was applied. People that this batch or a later change
 * created are omitted, and so are people whose data is restricted.
 *
 * A change record holds the former value of each changed field. So the value before the batch is in the first change record
 * from the batch on; without one, it is the present value. A licence that only a later batch moved away is missing.
 */
export async function readPeopleBefore(client: pg.ClientBase, batchId: number, ids: number[]): Promise<HealthWorker[]> {
  const start = await firstChange(client, batchId, ids)
  const licences = await formerLicences(client, batchId, start, ids)
  const holders = licences.flatMap(({ before }) => before.health_worker_id ?? [])
  const known = await readHealthWorkers(client, [
    ...new Set([...ids, ...holders, ...(await holdersOf(client, licences))])
  ])
  const former = await formerValues(client, start, ids)
  const wasHeldBy = new Map(licences.map(({ id, before }) => [id, before]))
  const registrations = known.flatMap(({ id: holder, registrations: held }) =>
    held.map(registration => ({ ...registration, ...licenceBefore(wasHeldBy.get(registration.id), holder) }))
  )
  const created = await createdSince(client, start, ids)
  return known
    .filter(({ id }) => ids.includes(id) && !created.people.has(id))
    .map(person => ({
      ...toFormer(person, former.get(person.id) ?? {}),
      registrations: registrations
        .filter(({ id, holder }) => holder === person.id && !created.licences.has(id))
        .map(({ holder: _, ...registration }) => registration)
    }))
}

/** Compares a row with people as they were before a batch; see `compareWithPeople`. */
export async function compareBefore(
  client: pg.ClientBase,
  batchId: number,
  row: {
    nikDigest: Buffer | null
    nameKey: string
    birthDate: string | null
    birthPlaceKey: string | null
    sex: string | null
  },
  ids: number[]
): Promise<({ healthWorkerId: number } & Evidence)[]> {
  const { rows } = await client.query<{ id: number; evidence: string }>(
    `select h.id, sdmk.match_evidence($1, $2, $3, $4, $5, was.nik_digest, was.name_key, was.birth_date, was.birth_place_key,
      was.sex) as evidence
    from sdmk.health_worker h
    cross join lateral jsonb_populate_record(h, coalesce((
      select jsonb_object_agg(former.key, former.value) from (
        select distinct on (f.key) f.key, f.value
        from kki.change c, jsonb_each(c.health_worker_before) f
        where c.health_worker_id = h.id and c.id >= $7 order by f.key, c.id
      ) former
    ), '{}')) was
    where h.id = any ($6::bigint[]) and h.restricted_at is null order by h.id`,
    [
      row.nikDigest,
      row.nameKey,
      row.birthDate,
      row.birthPlaceKey,
      row.sex,
      ids,
      await firstChange(client, batchId, ids)
    ]
  )
  return rows.map(({ id, evidence }) => ({ healthWorkerId: id, ...parseEvidence(evidence.split(' ')) }))
}

/**
 * Returns the id of the batch's first change record. If it has none, this is the first change, by a batch that was applied
 * later, to these people or to licences that they held. Batches are not applied in the order of their ids.
 */
async function firstChange(client: pg.ClientBase, batchId: number, ids: number[]): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `select coalesce(
      (select min(id) from kki.change where batch_id = $1),
      (
        select min(c.id)
        from (
          select id, batch_id from kki.change where health_worker_id = any ($2)
          union all
          select id, batch_id from kki.change
          where registration_before ? 'health_worker_id' and (registration_before ->> 'health_worker_id')::bigint = any ($2)
        ) c
        join kki.batch later on later.id = c.batch_id
        join kki.batch b on b.id = $1 and later.finished_at > b.finished_at
      ),
      $3::bigint
    ) as id`,
    [batchId, ids, Number.MAX_SAFE_INTEGER]
  )
  return rows[0]?.id as number
}

async function formerValues(client: pg.ClientBase, start: number, ids: number[]): Promise<Map<number, Former>> {
  const { rows } = await client.query<{ id: number; former: Former }>(
    `select health_worker_id as id, jsonb_object_agg(key, value) as former
    from (
      select distinct on (c.health_worker_id, f.key) c.health_worker_id, f.key, f.value
      from kki.change c, jsonb_each(c.health_worker_before) f
      where c.health_worker_id = any ($1) and c.id >= $2
        and f.key in ('name', 'title_prefix', 'title_suffix', 'nik_digest', 'birth_place', 'birth_date', 'sex')
      order by c.health_worker_id, f.key, c.id
    ) first group by health_worker_id`,
    [ids, start]
  )
  return new Map(rows.map(({ id, former }) => [id, former]))
}

/** Former values of the licences that the people hold now, gained by the batch, or lost by it. */
async function formerLicences(
  client: pg.ClientBase,
  batchId: number,
  start: number,
  ids: number[]
): Promise<FormerLicence[]> {
  const { rows } = await client.query<FormerLicence>(
    `select id, jsonb_object_agg(key, value) as before
    from (
      select distinct on (c.registration_id, f.key) c.registration_id as id, f.key, f.value
      from kki.change c, jsonb_each(c.registration_before) f
      where c.id >= $3 and f.key in ('health_worker_id', 'status', 'profession') and c.registration_id in (
        select id from sdmk.registration where health_worker_id = any ($1)
        union select registration_id from kki.change
        where batch_id = $2
          and (health_worker_id = any ($1) or (registration_before ->> 'health_worker_id')::bigint = any ($1))
      )
      order by c.registration_id, f.key, c.id
    ) first group by id`,
    [ids, batchId, start]
  )
  return rows
}

async function holdersOf(client: pg.ClientBase, licences: FormerLicence[]): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>(
    'select distinct health_worker_id as id from sdmk.registration where id = any ($1)',
    [licences.map(({ id }) => id)]
  )
  return rows.map(({ id }) => id)
}

async function createdSince(client: pg.ClientBase, start: number, ids: number[]) {
  const { rows } = await client.query<{ person: number; licence: number | null; isPerson: boolean }>(
    `select health_worker_id as person, case when registration_before is null then registration_id end as licence,
      operation = 'created' as "isPerson"
    from kki.change
    where health_worker_id = any ($1) and id >= $2 and operation in ('created', 'linked')`,
    [ids, start]
  )
  return {
    people: new Set(rows.filter(({ isPerson }) => isPerson).map(({ person }) => person)),
    licences: new Set(rows.flatMap(({ licence }) => licence ?? []))
  }
}

function toFormer(person: HealthWorker, former: Former): HealthWorker {
  return {
    ...person,
    name: former.name ?? person.name,
    titlePrefix: former.title_prefix === undefined ? person.titlePrefix : former.title_prefix,
    titleSuffix: former.title_suffix === undefined ? person.titleSuffix : former.title_suffix,
    hasNik: former.nik_digest === undefined ? person.hasNik : former.nik_digest !== null,
    birthPlace: former.birth_place === undefined ? person.birthPlace : former.birth_place,
    birthDate: former.birth_date === undefined ? person.birthDate : former.birth_date,
    sex: former.sex === undefined ? person.sex : former.sex
  }
}

function licenceBefore(before: FormerLicence['before'] | undefined, holder: number) {
  return {
    holder: before?.health_worker_id ?? holder,
    ...(before?.status !== undefined && { status: before.status }),
    ...(before?.profession !== undefined && { profession: before.profession })
  }
}
