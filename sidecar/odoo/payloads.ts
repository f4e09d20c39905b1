import type pg from 'pg'
import { payloadSql } from './payload-sql.ts'

const people = payloadSql('people.sql')
const changedPeople = payloadSql('changed-people.sql')
const desk = payloadSql('desk.sql')

/** What one call hands over: the method that takes it, and its rows as one JSON text, made by PostgreSQL. */
export interface Payload {
  model: string
  method: string
  payload: string
  rows: number
}

export interface PeopleIds {
  people: readonly number[]
  registrations: readonly number[]
}

export interface DeskIds {
  batches: readonly number[]
  rejections: readonly number[]
}

/** Returns the ids of the people and registrations of these change records, those that are gone included. */
export async function readChangedPeople(
  pool: pg.Pool,
  { batchId, from, to }: { batchId: number; from: number; to: number }
): Promise<PeopleIds> {
  const { rows } = await pool.query<PeopleIds>(changedPeople, [batchId, from, to])
  return rows[0] ?? { people: [], registrations: [] }
}

/**
 * Returns these people and registrations as they are now, with all that hangs together with them.
 * @see contracts/odoo/health-workers.schema.json
 */
export async function peoplePayload(pool: pg.Pool, ids: PeopleIds): Promise<Payload> {
  const { rows } = await pool.query<Made>(people, [ids.people, ids.registrations])
  return { model: 'sdmk.health.worker', method: 'sync_health_workers', ...(rows[0] as Made) }
}

/**
 * Returns these batches and rejections as they are now, with the batches that the rejections point to.
 * @see contracts/odoo/batches.schema.json
 */
export async function deskPayload(pool: pg.Pool, ids: DeskIds): Promise<Payload> {
  const { rows } = await pool.query<Made>(desk, [ids.batches, ids.rejections])
  return { model: 'sdmk.batch', method: 'sync_batches', ...(rows[0] as Made) }
}

type Made = Pick<Payload, 'payload' | 'rows'>

/** Returns the setting of the integration. @see contracts/odoo/integrations.schema.json */
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
  const payload = rows[0]?.payload ?? JSON.stringify({ integrations: [] })
  return { model: 'sdmk.integration', method: 'sync_integrations', rows: rows.length, payload }
}
