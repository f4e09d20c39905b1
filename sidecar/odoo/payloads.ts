import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { parse } from 'yaml'

const peopleSql = readSql('people.sql')
const changedPeopleSql = readSql('changed-people.sql')
const batchesSql = readSql('batches.sql')
const rejectionsSql = readSql('rejections.sql')

/** What one call hands over: the method that takes it, and its rows as one JSON text, made by PostgreSQL. */
export interface Payload {
  model: string
  method: string
  payload: string
  rows: number
}

export interface PeopleIds {
  people: number[]
  registrations: number[]
}

/** Returns the ids of the people and registrations of these change records, those that are gone included. */
export async function readChangedPeople(
  pool: pg.Pool,
  { batchId, from, to }: { batchId: number; from: number; to: number }
): Promise<PeopleIds> {
  const { rows } = await pool.query<PeopleIds>(changedPeopleSql, [batchId, from, to])
  return rows[0] ?? { people: [], registrations: [] }
}

/** Returns the ids of the people in a range. */
export async function readPeopleBetween(pool: pg.Pool, { from, to }: { from: number; to: number }): Promise<number[]> {
  const { rows } = await pool.query<{ id: number }>('select id from sdmk.health_worker where id between $1 and $2', [
    from,
    to
  ])
  return rows.map(({ id }) => id)
}

/** Returns these people and registrations as they are now. @see contracts/odoo/health-workers.schema.json */
export async function peoplePayload(pool: pg.Pool, { people, registrations }: PeopleIds): Promise<Payload> {
  const { rows } = await pool.query<{ payload: string; rows: number }>(peopleSql, [people, registrations])
  return {
    model: 'sdmk.health.worker',
    method: 'sync_health_workers',
    ...(rows[0] as { payload: string; rows: number })
  }
}

/**
 * Returns these batches and rejections as they are now, with the batches that the rejections point to.
 * @see contracts/odoo/batches.schema.json
 */
export async function batchesPayload(
  pool: pg.Pool,
  { batches, rejections }: { batches: readonly number[]; rejections: readonly number[] }
): Promise<Payload> {
  const { rows } = await pool.query<{ payload: string; rows: number }>(
    `with rejection as (${rejectionsSql}), batch as (${batchesSql.replace(
      '$1::bigint[]',
      `$2::bigint[] || array(
        select unnest(array[first_batch_id, last_batch_id, closed_by_batch_id]) from rejection
      )`
    )})
    select
      jsonb_build_object(
        'batches', coalesce((select jsonb_agg(jsonb_strip_nulls(to_jsonb(b))) from batch b), '[]'),
        'rejections', coalesce((select jsonb_agg(jsonb_strip_nulls(to_jsonb(r))) from rejection r), '[]')
      )::text as payload,
      (select count(*) from batch) + (select count(*) from rejection) as rows`,
    [rejections, batches]
  )
  return { model: 'sdmk.batch', method: 'sync_batches', ...(rows[0] as { payload: string; rows: number }) }
}

/** Returns the setting of the integration, with when it last succeeded. @see contracts/odoo/integration.schema.json */
export async function integrationPayload(pool: pg.Pool, timeZone: string): Promise<Payload> {
  const { rows } = await pool.query<{ payload: string }>(
    `select jsonb_build_object('integrations', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
      'code', integration, 'version', version, 'active', active, 'schedule', schedule,
      'professions', array_to_string(professions, ' '), 'reject_alert_ratio', reject_alert_ratio,
      'create_unmatched', create_unmatched, 'changed_by', changed_by, 'time_zone', $1::text,
      'changed_at', to_char(changed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
    ))))::text as payload
    from kki.setting where integration = 'kki'`,
    [timeZone]
  )
  return { model: 'sdmk.integration', method: 'sync_integrations', rows: 1, payload: rows[0]?.payload ?? '{}' }
}

/** Returns the professions in both languages. @see contracts/odoo/professions.schema.json */
export async function professionsPayload(pool: pg.Pool): Promise<Payload> {
  const { rows } = await pool.query<{ payload: string; rows: number }>(
    `select jsonb_build_object('professions', coalesce(jsonb_agg(jsonb_build_object(
      'code', code, 'name', jsonb_build_object('en_US', name_en, 'id_ID', name_id)
    )), '[]'))::text as payload, count(*) as rows
    from sdmk.profession`
  )
  return { model: 'sdmk.profession', method: 'sync_professions', ...(rows[0] as { payload: string; rows: number }) }
}

type Texts = Record<'title' | 'meaning' | 'action', Record<'en' | 'id', string>>

/** Returns the catalogue of codes in both languages. @see contracts/odoo/codes.schema.json */
export function codesPayload(): Payload {
  const file = new URL('../../contracts/codes.yaml', import.meta.url)
  const catalogue = parse(readFileSync(file, 'utf8')) as Record<string, Texts & { kind: string }>
  const both = (text: Record<'en' | 'id', string>) => ({ en_US: text.en, id_ID: text.id })
  const codes = Object.entries(catalogue).map(([code, { kind, title, meaning, action }]) => ({
    code,
    kind,
    name: both(title),
    meaning: both(meaning),
    action: both(action)
  }))
  return { model: 'sdmk.code', method: 'sync_codes', rows: codes.length, payload: JSON.stringify({ codes }) }
}

function readSql(name: string): string {
  return readFileSync(new URL(`payloads/${name}`, import.meta.url), 'utf8')
}
