import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import type pg from 'pg'
import type { PayloadName } from '../../sidecar/odoo/contracts.ts'
import {
  auditHeadPayload,
  integrationPayload,
  type Payload,
  peoplePayload,
  reviewPayload
} from '../../sidecar/odoo/payloads.ts'
import type { Table } from '../../sidecar/odoo/tables.ts'
import { codesPayload, professionsPayload } from '../../sidecar/odoo/words.ts'
import { inject, kkiRecord, startConnector } from '../e2e/helpers.ts'
import { until } from '../e2e/process.ts'
import { faultOf, rowsOf, type TextRow } from './helpers/tables.ts'

interface Case {
  description: string
  schema: PayloadName
  data: unknown
  valid: boolean
}

const cases = JSON.parse(await readFile(new URL('../../contracts/cases/odoo.json', import.meta.url), 'utf8')) as Case[]

describe('the contracts of messages to Odoo', () => {
  for (const { description, schema, data, valid } of cases) {
    test(`${schema}: ${description}: ${valid ? 'valid' : 'not valid'}`, () => {
      assert.equal(faultOf(schema, data) === undefined, valid)
    })
  }

  test('describe messages of real rows, which contain no NIK', async t => {
    const { pool, run, simulator, call } = await startConnector(t, { rows: 1500, brokenShare: 0.05 })
    const { batches } = await run({})
    const nik = '3171015507900007'
    const changed = new Date(simulator.now() - 60_000).toISOString()
    await inject(simulator, [
      { record: kkiRecord({ nik, diubah_pada: changed }) },
      { record: kkiRecord({ nama: 'dr. -', diubah_pada: changed }) }
    ])
    await run({})
    const worker = await firstId(pool, 'sdmk.health_worker', `id = (select max(id) from sdmk.health_worker)`)
    const { rows } = await pool.query('select version from sdmk.health_worker where id = $1', [worker])
    const edited = await call(
      'PATCH',
      `/v1/health-workers/${worker}`,
      { birthPlace: 'Garut' },
      { 'if-match': `"${rows[0].version}"` }
    )
    assert.equal(edited.status, 200, JSON.stringify(edited.body))
    const dismissed = await firstId(pool, 'kki.rejection', `state = 'open'`)
    await call('POST', `/v1/rejections/${dismissed}/dismiss`, { reason: 'Known to KKI' })

    const people = check('health-workers', await peoplePayload(pool, await allPeople(pool)))
    assert.ok(people.health_workers.length > 1000 && people.registrations.length >= people.health_workers.length)
    assert.ok(people.health_workers.some(({ birth_place_source }) => birth_place_source === 'sdmk'))
    const review = check('batches', await reviewPayload(pool, await allReview(pool)))
    assert.ok(review.rejections.some(({ state }) => state === 'dismissed'))
    assert.ok(review.batches.some(({ id }) => id === String(batches[0]?.id)))
    await pool.query(
      `update kki.batch set hold_reasons = '{DEACTIVATIONS}', created_at = finished_at - interval '1 hour',
        planned_at = finished_at - interval '59 minutes' where id = $1`,
      [batches[0]?.id]
    )
    const held = check('batches', await reviewPayload(pool, await allReview(pool))).batches
    const duration = held.find(({ id }) => id === String(batches[0]?.id))?.duration
    assert.equal(Number(duration), 60, 'the time that a batch waits for a person is not part of its duration')
    check('integrations', await integrationPayload(pool, 'Asia/Jakarta'))
    await until('the events are chained', async () => {
      const { rows } = await pool.query('select from kki.audit_unchained')
      return rows.length === 0
    })
    assert.equal(check('audit-heads', await auditHeadPayload(pool)).audit_heads.length, 1)
    assert.ok(check('professions', await professionsPayload(pool)).professions.length > 5)
    assert.ok(check('codes', codesPayload()).codes.length > 50)

    const undone = await call('POST', `/v1/batches/${batches[0]?.id}/undo`, { reason: 'It was a test' })
    assert.ok(undone.status < 300)
    const gone = check('health-workers', await peoplePayload(pool, { people: [2_000_000], registrations: [2_000_000] }))
    assert.deepEqual(
      [...gone.health_workers, ...gone.registrations].map(({ id, active }) => ({ id, active })),
      [
        { id: '2000000', active: 'f' },
        { id: '2000000', active: 'f' }
      ]
    )
  })
})

type Row = Record<string, unknown>
interface Lists {
  'health-workers': { health_workers: TextRow[]; registrations: TextRow[] }
  batches: { batches: TextRow[]; rejections: TextRow[] }
  integrations: { integrations: Row[] }
  'audit-heads': { audit_heads: Row[] }
  professions: { professions: Row[] }
  codes: { codes: Row[] }
}

/** Returns the rows of a payload, which is as its schema says, and without any NIK. */
function check<Name extends PayloadName>(schema: Name, { payload, rows }: Payload): Lists[Name] {
  const data = JSON.parse(payload) as Record<string, Row[] | Table>
  const fault = faultOf(schema, data)
  assert.equal(fault, undefined, `${schema}: ${JSON.stringify(fault)?.slice(0, 400)}`)
  const lists = Object.entries(data).map(([key, told]): [string, Row[]] => [key, 'rows' in told ? rowsOf(told) : told])
  assert.equal(
    lists.reduce((sum, [, list]) => sum + list.length, 0),
    rows
  )
  // An STR of 16 digits looks like a NIK; everything else must not.
  const withoutStr = JSON.stringify(lists, (key, value) => (key === 'str_number' ? undefined : value))
  assert.doesNotMatch(withoutStr, /(?<![0-9a-f])\d{16}(?![0-9a-f])/)
  return Object.fromEntries(lists) as unknown as Lists[Name]
}

async function firstId(pool: pg.Pool, table: string, condition: string): Promise<number> {
  const { rows } = await pool.query<{ id: number }>(
    `select id from ${table} where ${condition} order by id desc limit 1`
  )
  assert.ok(rows[0], `nothing of ${table}`)
  return rows[0].id
}

async function allPeople(pool: pg.Pool) {
  const { rows } = await pool.query<{ people: number[] }>('select array_agg(id) as people from sdmk.health_worker')
  return { people: rows[0]?.people ?? [], registrations: [] }
}

async function allReview(pool: pg.Pool) {
  const { rows } = await pool.query<{ batches: number[]; rejections: number[] }>(
    'select array(select id from kki.batch) as batches, array(select id from kki.rejection) as rejections'
  )
  return rows[0] ?? { batches: [], rejections: [] }
}
