import type pg from 'pg'
import { payloadSql } from './payload-sql.ts'
import { type Counted, inSnapshot, readTable, type Table, withRows } from './tables.ts'

const changedPeople = payloadSql('changed-people.sql')
const peopleIds = payloadSql('people-ids.sql')
const gone = payloadSql('gone.sql')
const reviewIds = payloadSql('review-ids.sql')

/** The content of one call: the method, and its rows in one JSON text. */
export interface Payload {
  model: string
  method: string
  payload: string
  rows: number
  /** The people whose data it contains; left out if it contains no personal data. */
  shown?: { channel: 'odoo' | 'odoo rejections'; people?: readonly number[]; rejections?: readonly number[] }
}

export interface PeopleIds {
  people: readonly number[]
  registrations: readonly number[]
}

export interface ReviewIds {
  batches: readonly number[]
  rejections: readonly number[]
}

/** Returns the ids of the people and registrations of these change records, including deleted ones. */
export async function readChangedPeople(
  pool: pg.Pool,
  { batchId, from, to }: { batchId: number; from: number; to: number }
): Promise<PeopleIds> {
  const { rows } = await pool.query<PeopleIds>(changedPeople, [batchId, from, to])
  return rows[0] ?? { people: [], registrations: [] }
}

/**
 * Returns these people and registrations in their present state, with all registrations of these people and the people of
 * these registrations.
 * @see contracts/odoo/health-workers.schema.json
 */
export function peoplePayload(pool: pg.Pool, { people, registrations }: PeopleIds): Promise<Payload> {
  return inSnapshot(pool, async client => {
    const ids = await readIds(client, peopleIds, [people, registrations])
    const { rows } = await client.query<{ kind: string; id: number; version: number }>(gone, [ids, registrations])
    const goneOf = (kind: string) => rows.filter(row => row.kind === kind).map(row => ({ ...row, active: 'f' }))
    const payload = asPayload('sdmk.health.worker', 'sync_health_workers', {
      health_workers: withRows(await readTable(client, 'health_workers', ids), goneOf('health_workers')),
      registrations: withRows(await readTable(client, 'registrations', ids), goneOf('registrations'))
    })
    const shown = await client.query<{ id: number }>(
      'select id from sdmk.health_worker where id = any ($1) and restricted_at is null',
      [ids]
    )
    return { ...payload, shown: { channel: 'odoo', people: shown.rows.map(({ id }) => id) } }
  })
}

/**
 * Returns these batches and rejections in their present state, with the batches that the rejections refer to.
 * @see contracts/odoo/batches.schema.json
 */
export function reviewPayload(pool: pg.Pool, { batches, rejections }: ReviewIds): Promise<Payload> {
  return inSnapshot(pool, async client => {
    const ids = await readIds(client, reviewIds, [batches, rejections])
    const payload = asPayload('sdmk.batch', 'sync_batches', {
      batches: await readTable(client, 'batches', ids),
      rejections: await readTable(client, 'rejections', rejections)
    })
    return { ...payload, shown: { channel: 'odoo rejections', rejections } }
  })
}

async function readIds(client: pg.ClientBase, statement: string, values: (readonly number[])[]): Promise<number[]> {
  const { rows } = await client.query<{ ids: number[] }>(statement, values)
  return rows[0]?.ids ?? []
}

function asPayload(model: string, method: string, tables: Record<string, Counted>): Payload {
  const told = Object.entries(tables).map(([key, { columns, rows }]): [string, Table] => [key, { columns, rows }])
  const rows = Object.values(tables).reduce((sum, { count }) => sum + count, 0)
  return { model, method, payload: JSON.stringify(Object.fromEntries(told)), rows }
}

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

/**
 * Returns the end of the audit chain, to be noted outside of this database, and the chain's links at the places `seqs`: 64
 * zeros if it has no link there any more. @see contracts/odoo/audit-heads.schema.json
 */
export async function auditHeadPayload(pool: pg.Pool, seqs: readonly number[] = []): Promise<Payload> {
  const { rows } = await pool.query<{ seq: number; hash: string }>(
    `(select seq, encode(hash, 'hex') as hash from kki.audit_chain order by seq desc limit 1)
    union
    select asked.seq, coalesce(encode(c.hash, 'hex'), repeat('0', 64))
    from unnest($1::bigint[]) as asked (seq) left join kki.audit_chain c on c.seq = asked.seq
    order by seq desc`,
    [seqs]
  )
  const payload = JSON.stringify({ audit_heads: rows })
  return { model: 'sdmk.audit.head', method: 'sync_audit_heads', rows: rows.length, payload }
}
