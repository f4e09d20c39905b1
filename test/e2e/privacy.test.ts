import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { peoplePayload } from '../../sidecar/odoo/payloads.ts'
import type { Table } from '../../sidecar/odoo/tables.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { signed } from '../helpers/operator.ts'
import { rowsOf } from '../odoo/helpers/tables.ts'
import { type Connector, inject, kkiRecord, resolve, startConnector } from './helpers.ts'
import { runSdmk, until } from './process.ts'

const nik = '3171015507900007'
const str = 'EQ00000000700001'
const kkiId = 'a1b2c3d4-0000-4000-8000-000000000001'
const reason = 'Asked by letter'

/** What KKI says of the person whose data is erased. */
const said = (given: Record<string, unknown> = {}) => ({
  id: kkiId,
  record: kkiRecord({
    nomor_str: str,
    nik,
    nama: 'Zulkarnain Terahasia',
    tempat_lahir: 'Kotawaringin',
    tanggal_lahir: '1990-07-15',
    jenis_kelamin: 'P',
    ...given
  })
})

/** A connector that holds the person under a former name as well, with a rejected row of the same NIK. */
async function setUp(t: TestContext, env: Record<string, string> = {}) {
  const connector = await startConnector(t, { env: { SDMK_IDENTITY_RETENTION_YEARS: '0', ...env } })
  const { simulator, run, pool, call } = connector
  await inject(simulator, [said({ nama: 'Zulkarnain Namalama Terahasia' })])
  const first = await run({})
  await inject(simulator, [
    said({ diubah_pada: '2026-02-01T00:00:00Z' }),
    {
      record: kkiRecord({
        nomor_str: str,
        profesi: 'DOKTER GIGI',
        nik,
        nama: 'Zulkarnain Terahasia',
        tanggal_lahir: '31 Februari 1990'
      })
    }
  ])
  await run({ mode: 'full' })
  const { rows } = await pool.query<{ id: number; digest: string; hash: string }>(
    `select h.id, encode(h.nik_digest, 'hex') as digest, encode(r.content_hash, 'hex') as hash
    from sdmk.health_worker h join sdmk.registration r on r.health_worker_id = h.id where r.str_number = $1`,
    [str]
  )
  const person = rows[0] as (typeof rows)[0]
  const say = async (given: Record<string, unknown>) => {
    await inject(simulator, [said(given)])
    return run({ mode: 'full' })
  }
  const erase = async (scope = 'all') => {
    await dropStaging(connector)
    return call('POST', `/v1/health-workers/${person.id}/erase`, { reason, scope })
  }
  return { ...connector, first, person, say, erase }
}

/** The cleanup of every five minutes. */
async function dropStaging({ pool }: Connector) {
  await pool.query(
    `select kki.drop_staging(id) from kki.batch where state not in ('queued', 'fetching', 'staged', 'planned', 'held')`
  )
}

/** Names of the tables with a row whose text contains the search text. */
async function tablesWith({ pool }: Connector, pattern: RegExp): Promise<string[]> {
  const { rows: tables } = await pool.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where (n.nspname in ('sdmk', 'kki', 'pgboss') or n.nspname ~ '^batch_') and c.relkind = 'r' order by 1`
  )
  assert.ok(tables.length > 20)
  const found: string[] = []
  for (const { name } of tables) {
    const { rows } = await pool.query<{ line: string }>(`select t::text as line from ${name} t`)
    if (rows.some(({ line }) => pattern.test(line))) found.push(name)
  }
  return found
}

const status = async ({ pool }: Connector) =>
  (await pool.query('select status from sdmk.registration where str_number = $1', [str])).rows[0]?.status

describe('erasing a person', () => {
  test('is denied while a licence is in force, with the legal reason, but former values can be erased', async t => {
    const connector = await setUp(t)
    const { erase, call, person } = connector
    await dropStaging(connector)
    assert.deepEqual(await tablesWith(connector, /Namalama/i), ['kki.change'])
    const denied = (await erase()) as { status: number; body: { code: string; detail: string } }
    assert.deepEqual([denied.status, denied.body.code], [409, 'ERASURE_DENIED'])
    assert.match(denied.body.detail, /UU 17\/2023/)
    assert.equal((await erase('former')).status, 200)
    assert.deepEqual(await tablesWith(connector, /Namalama/i), [])
    const shown = (await call('GET', `/v1/health-workers/${person.id}`)) as { body: { name: string } }
    assert.equal(shown.body.name, 'Zulkarnain Terahasia')
  })

  test('is denied for years after the last licence ended', async t => {
    const { say, erase } = await setUp(t, { SDMK_IDENTITY_RETENTION_YEARS: '5' })
    await say({ status_str: 'DICABUT', diubah_pada: '2026-03-01T00:00:00Z' })
    const denied = (await erase()) as { status: number; body: { code: string; detail: string } }
    assert.deepEqual([denied.status, denied.body.code], [409, 'ERASURE_DENIED'])
    assert.match(denied.body.detail, /kept until 2031-03-01/)
  })

  test('is denied to everyone but the data protection officer, and while a batch still has rows of the person', async t => {
    const { app, pool, person, say, call } = await setUp(t)
    await say({ status_str: 'DICABUT', diubah_pada: '2026-03-01T00:00:00Z' })
    const { key } = await createApiKey(pool, 'odoo', [...scopes])
    const url = `/v1/health-workers/${person.id}/erase`
    const body = JSON.stringify({ reason, scope: 'all' })
    for (const role of ['auditor', 'verifier', 'administrator'] as const) {
      const headers = await signed({ key, role, actor: 'x@example.org', method: 'POST', url, body })
      const answer = await app.inject({
        method: 'POST',
        url,
        headers: { ...headers, 'content-type': 'application/json' },
        payload: body
      })
      assert.equal(answer.statusCode, 403, role)
    }
    const staged = (await call('POST', url, { reason, scope: 'all' })) as { status: number; body: { detail: string } }
    assert.equal(staged.status, 409)
    assert.match(staged.body.detail, /^Batches \d+.* have staged rows/)
    assert.equal((await call('POST', url, { scope: 'all' })).status, 400)
  })

  test('leaves only the STR of the planted values, and no run of KKI, edit or undo restores another', async t => {
    const connector = await setUp(t)
    const { erase, say, run, call, pool, person, first } = connector
    await say({ status_str: 'DICABUT', diubah_pada: '2026-03-01T00:00:00Z' })
    const erased = await erase()
    assert.equal(erased.status, 200, JSON.stringify(erased.body))
    const planted = new RegExp(
      ['zulkarnain', 'terahasia', 'namalama', nik, 'kotawaringin', '1990-07-15', person.digest, person.hash].join('|'),
      'i'
    )
    const nothingLeft = async (when: string) => {
      await dropStaging(connector)
      assert.deepEqual(await tablesWith(connector, planted), [], when)
    }
    await nothingLeft('after the erasure')
    assert.deepEqual(await tablesWith(connector, new RegExp(str, 'i')), [
      'kki.rejection',
      'sdmk.registration',
      'sdmk.str_number'
    ])
    const shown = (await call('GET', `/v1/health-workers/${person.id}`)) as { body: Record<string, unknown> }
    const { name, hasNik, birthDate, birthPlace, sex } = shown.body
    assert.deepEqual(
      { name, hasNik, birthDate, birthPlace, sex },
      { name: 'Data dihapus', hasNik: false, birthDate: null, birthPlace: null, sex: null }
    )

    // KKI still lists the person.
    await run({ mode: 'full' })
    await nothingLeft('after a full run')
    await say({ status_str: 'MENINGGAL', diubah_pada: '2026-04-01T00:00:00Z' })
    assert.equal(await status(connector), 'deceased')
    await nothingLeft('after a further end of the licence')
    const edit = await call(
      'PATCH',
      `/v1/health-workers/${person.id}`,
      { name: 'Zulkarnain Terahasia' },
      {
        'if-match': `"${(await pool.query('select version from sdmk.health_worker where id = $1', [person.id])).rows[0].version}"`
      }
    )
    assert.deepEqual([edit.status, (edit.body as { code: string }).code], [409, 'PERSON_ERASED'])
    // The batch that had created the person.
    const batchId = first.batches[0]?.id
    assert.equal((await call('POST', `/v1/batches/${batchId}/undo`, { reason })).status < 300, true)
    await until('the batch is undone', async () => {
      return (await pool.query('select state from kki.batch where id = $1', [batchId])).rows[0].state === 'undone'
    })
    await nothingLeft('after the undo of the batch that had created the person')
    assert.equal((await pool.query('select from sdmk.health_worker where id = $1', [person.id])).rowCount, 1)

    const { rows } = await pool.query(`select detail from kki.audit_event where action = 'person.erased'`)
    assert.equal(rows.length, 1)
    assert.equal(rows[0].detail.healthWorkerId, person.id)
    assert.equal(rows[0].detail.reason, reason)
  })

  test('a licence that is active again waits for a reviewer, who may create its holder again', async t => {
    const connector = await setUp(t)
    const { erase, say, pool, person, call } = connector
    await say({ status_str: 'DICABUT', diubah_pada: '2026-03-01T00:00:00Z' })
    assert.equal((await erase()).status, 200)
    await say({ diubah_pada: '2026-05-01T00:00:00Z' })
    assert.equal(await status(connector), 'revoked')
    const { rows } = await pool.query(`select id, candidates from kki.rejection where code = 'LICENCE_OF_ERASED'`)
    assert.equal(rows.length, 1)
    const decide = (healthWorkerId: unknown) => resolve({ call }, rows[0].id, { healthWorkerId, reason })
    assert.equal((await decide(person.id)).status, 400)
    const resolved = await decide('new')
    assert.ok(resolved.status < 300, JSON.stringify(resolved.body))
    await until('the licence has its holder', async () => (await status(connector)) === 'active')
    const { rows: holders } = await pool.query(
      `select h.id, h.name from sdmk.health_worker h join sdmk.registration r on r.health_worker_id = h.id where r.str_number = $1`,
      [str]
    )
    assert.equal(holders[0].name, 'Zulkarnain Terahasia')
    assert.notEqual(holders[0].id, person.id)
  })
})

describe('restricting a person', () => {
  test('hides the person from every read and from Odoo, but not from the person’s own report, until it ends', async t => {
    const connector = await setUp(t)
    const { call, pool, person, app, secretsDir, first, say } = connector
    const url = `/v1/health-workers/${person.id}`
    const search = async (body: object) =>
      ((await call('POST', '/v1/health-workers/search', body)).body as { items: unknown[] }).items.length
    const told = async () => {
      const { payload, shown } = await peoplePayload(pool, { people: [person.id], registrations: [] })
      const table = JSON.parse(payload) as Record<'health_workers' | 'registrations', Table>
      const [line = {}] = rowsOf(table.health_workers)
      return { names: /Zulkarnain|EQ0000/.test(payload), people: shown?.people, told: Object.keys(line).length }
    }
    assert.deepEqual([await search({ str }), await told()], [1, { names: true, people: [person.id], told: 13 }])
    assert.equal((await call('POST', `${url}/restrict`, { reason })).status, 200)
    assert.deepEqual(
      [await search({ str }), await search({ name: 'Zulkarnain Terahasia' }), await told()],
      [0, 0, { names: false, people: [], told: 4 }]
    )
    for (const [method, path, body, headers] of [
      ['GET', url, undefined, {}],
      ['POST', `${url}/reveal`, { reason }, {}],
      ['PATCH', url, { sex: 'male' }, { 'if-match': '"1"' }]
    ] as const) {
      const answer = await call(method, path, body, headers)
      assert.deepEqual([answer.status, (answer.body as { code: string }).code], [403, 'PERSON_RESTRICTED'], path)
    }
    const byNik = await call('POST', '/v1/health-workers/search-by-nik', { nik, reason })
    assert.deepEqual((byNik.body as { items: unknown[] }).items, [])
    const changes = await call('GET', `/v1/batches/${first.batches[0]?.id}/changes`)
    assert.doesNotMatch(JSON.stringify(changes.body), /zulkarnain/i)
    const { rows } = await pool.query('select id from kki.rejection')
    assert.equal(rows.length, 1)
    const rejection = await call('GET', `/v1/rejections/${rows[0].id}`)
    assert.doesNotMatch(JSON.stringify(rejection.body), /zulkarnain/i)
    // The council's word is still stored.
    await say({ status_str: 'DICABUT', diubah_pada: '2026-03-01T00:00:00Z' })
    assert.equal(await status(connector), 'revoked')
    assert.deepEqual(await told(), { names: false, people: [], told: 4 })
    const env = {
      SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
      SDMK_SECRETS_DIR: secretsDir
    }
    const report = await runSdmk(['person', 'report', '--reason', reason], env, undefined, nik)
    assert.match(report.stdout, /Zulkarnain Terahasia/)
    assert.match(report.stdout, /Dibatasi sejak/)
    const lifted = await runSdmk(['person', 'unrestrict', String(person.id), '--reason', reason], env)
    assert.equal(lifted.code, 0, lifted.stderr)
    assert.deepEqual([await search({ str }), await told()], [1, { names: true, people: [person.id], told: 13 }])
  })
})
