import type pg from 'pg'
import { ErasureDenied, HealthWorkerNotFound, PersonErased } from './errors.ts'

/** The times of a person's restriction and erasure. */
export interface PrivacyState {
  healthWorkerId: number
  restrictedSince: string | null
  erasedAt: string | null
}

/** `former`: only earlier values; `all`: also the present identity. */
export type ErasureScope = 'former' | 'all'

/** A licence with such a status is in force, or may be again without a new decision of the council. */
const inForce = ['active', 'suspended', 'inactive', 'unknown']

/**
 * Hides a person from reads and from Odoo, or shows the person again, within the caller's transaction.
 * @throws HealthWorkerNotFound
 */
export async function restrictPerson(client: pg.ClientBase, id: number, isRestricted: boolean): Promise<PrivacyState> {
  const { rowCount } = await client.query(
    `update sdmk.health_worker
    set restricted_at = case when $2::boolean then coalesce(restricted_at, now()) end,
      version = nextval('sdmk.version_seq'), updated_at = now()
    where id = $1`,
    [id, isRestricted]
  )
  if (rowCount === 0) throw new HealthWorkerNotFound(id)
  // Odoo received the registrations as deleted, with newer versions.
  await client.query(
    `update sdmk.registration set version = nextval('sdmk.version_seq'), updated_at = now() where health_worker_id = $1`,
    [id]
  )
  return readState(client, id)
}

/**
 * Erases a person's data within the caller's transaction, and returns the new state and the changed rejections.
 * @throws HealthWorkerNotFound, ErasureDenied, PersonErased
 */
export async function erasePerson(
  client: pg.ClientBase,
  id: number,
  { scope, retentionYears, asOf }: { scope: ErasureScope; retentionYears: number; asOf: string }
): Promise<{ state: PrivacyState; rejections: number[] }> {
  const { rows } = await client.query<{ isErased: boolean }>(
    'select erased_at is not null as "isErased" from sdmk.health_worker where id = $1 for update',
    [id]
  )
  if (!rows[0]) throw new HealthWorkerNotFound(id)
  if (rows[0].isErased) throw new PersonErased(id)
  if (scope === 'all') await refuseWhileNeeded(client, id, retentionYears, asOf)
  await refuseWhileStaged(client, id)
  const erased = await client.query<{ rejections: number[] }>('select sdmk.erase_person($1, $2) as rejections', [
    id,
    scope === 'all'
  ])
  return { state: await readState(client, id), rejections: erased.rows[0]?.rejections ?? [] }
}

/** A licence must stay tied to its holder while it is in force, and for some years after it ended. */
async function refuseWhileNeeded(client: pg.ClientBase, id: number, years: number, asOf: string): Promise<void> {
  const { rows } = await client.query<{ inForce: number; keptUntil: string | null }>(
    `select count(*) filter (where status = any ($2))::int as "inForce",
      max((coalesce(
        case when status = 'expired' then valid_until end,
        case when isfinite(source_at) then source_at::date end,
        updated_at::date
      ) + make_interval(years => $3))::date)::text as "keptUntil"
    from sdmk.registration where health_worker_id = $1`,
    [id, inForce, years]
  )
  const { inForce: count = 0, keptUntil = null } = rows[0] ?? {}
  if (count > 0) {
    throw new ErasureDenied(
      `${count} licences of health worker ${id} are in force or may be again; a licence stays tied to its holder (UU 17/2023). Former values can be erased.`
    )
  }
  if (keptUntil !== null && keptUntil > asOf) {
    throw new ErasureDenied(
      `The identity of health worker ${id} is kept until ${keptUntil}, ${years} years after the last licence ended. Former values can be erased.`
    )
  }
}

/** Staged rows contain the person's data too, and their pages are sealed as a whole. */
async function refuseWhileStaged(client: pg.ClientBase, id: number): Promise<void> {
  const { rows } = await client.query<{ batches: number[] }>(
    `with licence as (select id, str_number from sdmk.registration where health_worker_id = $1),
    digest as (
      select nik_digest from sdmk.health_worker where id = $1 and nik_digest is not null
      union select nik_digest from sdmk.former_nik where health_worker_id = $1
    )
    select coalesce(array_agg(distinct batch_id order by batch_id), '{}') as batches from (
      select batch_id from kki.staged_row
      where str_number in (select str_number from licence) or nik_digest in (select nik_digest from digest)
        or new_health_worker_id = $1
      union all
      select batch_id from kki.staged_rejection
      where str_number in (select str_number from licence) or nik_digest in (select nik_digest from digest)
      union all
      select batch_id from kki.staged_unchanged where registration_ids && (select array_agg(id) from licence)
    ) staged`,
    [id]
  )
  const batches = rows[0]?.batches ?? []
  if (batches.length > 0) {
    throw new ErasureDenied(
      `Batches ${batches.join(', ')} have staged rows of health worker ${id}. Decide about those that are on hold; staged rows are deleted within five minutes after a batch has ended.`
    )
  }
}

async function readState(client: pg.ClientBase, id: number): Promise<PrivacyState> {
  const { rows } = await client.query<{ restricted: Date | null; erased: Date | null }>(
    'select restricted_at as restricted, erased_at as erased from sdmk.health_worker where id = $1',
    [id]
  )
  return {
    healthWorkerId: id,
    restrictedSince: rows[0]?.restricted?.toISOString() ?? null,
    erasedAt: rows[0]?.erased?.toISOString() ?? null
  }
}
