import type pg from 'pg'
import type { Range, RepairKey } from './jobs.ts'
import type { Delivery, OdooLink } from './link.ts'
import { type Payload, peoplePayload, reviewPayload } from './payloads.ts'

export interface RepairContext {
  pool: pg.Pool
  link: OdooLink
}

/**
 * Sends Odoo all people of a range and all their registrations. Odoo deletes others of the range, and accepts the rows
 * even if its versions are newer.
 */
export function repairPeople(context: RepairContext, range: Range, delivery: Delivery): Promise<void> {
  const { pool, link } = context
  const state = () =>
    fingerprint(
      pool,
      [
        ['sdmk.health_worker', 'id'],
        ['sdmk.registration', 'health_worker_id']
      ],
      range
    )
  return untilQuiet(state, async () => {
    const people = await idsBetween(pool, 'sdmk.health_worker', range)
    const payload = await peoplePayload(pool, { people, registrations: [] })
    await link.deliver(asRepair(payload, 'health_workers', range), delivery)
  })
}

/** Sends Odoo all batches or all rejections of a range, which it accepts even if its versions are newer. */
export function repairReview(
  context: RepairContext,
  { key, ...range }: { key: RepairKey } & Range,
  delivery: Delivery
): Promise<void> {
  const { pool, link } = context
  const table = key === 'batches' ? 'kki.batch' : 'kki.rejection'
  return untilQuiet(
    () => fingerprint(pool, [[table, 'id']], range),
    async () => {
      const ids = { batches: [], rejections: [], [key]: await idsBetween(pool, table, range) }
      const payload = await reviewPayload(pool, ids)
      if (key === 'batches') return void (await link.deliver(asRepair(payload, key, range), delivery))
      // The batches that they refer to must exist in Odoo, but are not part of the repair: they may change meanwhile.
      await link.deliver(payload, delivery)
      const { rejections } = JSON.parse(payload.payload)
      const { shown: _, ...told } = payload
      const alone = { ...told, payload: JSON.stringify({ rejections }), rows: ids.rejections.length }
      await link.deliver(asRepair(alone, key, range), delivery)
    }
  )
}

/**
 * A repair ignores versions, so an outdated one would set Odoo back to an earlier state. It is repeated until nothing in
 * the range has changed between reading and storing.
 */
async function untilQuiet(state: () => Promise<string>, repair: () => Promise<void>): Promise<void> {
  for (let before = await state(); ; ) {
    await repair()
    const after = await state()
    if (after === before) return
    before = after
  }
}

async function fingerprint(pool: pg.Pool, tables: [string, string][], { from, to }: Range): Promise<string> {
  const parts = tables.map(
    ([table, id]) =>
      `(select concat_ws(':', count(*), max(version), sum(version)) from ${table} where ${id} between $1 and $2)`
  )
  const { rows } = await pool.query<{ state: string }>(`select concat_ws(' ', ${parts.join(', ')}) as state`, [
    from,
    to
  ])
  return rows[0]?.state ?? ''
}

async function idsBetween(pool: pg.Pool, table: string, { from, to }: Range): Promise<number[]> {
  const { rows } = await pool.query<{ id: number }>(`select id from ${table} where id between $1 and $2`, [from, to])
  return rows.map(({ id }) => id)
}

function asRepair(made: Payload, key: string, { from, to }: Range): Payload {
  const head = JSON.stringify({ repair: { [key]: [from, to] } }).slice(0, -1)
  return { ...made, payload: `${head}, ${made.payload.slice(1)}` }
}
