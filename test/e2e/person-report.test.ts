import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { recordDisclosures } from '../../sidecar/audit/disclosures.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import type { Role } from '../../sidecar/platform/roles.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import type { PersonReport } from '../../sidecar/privacy/person-report.ts'
import { signed } from '../helpers/operator.ts'
import { type Connector, inject, kkiRecord, startConnector } from './helpers.ts'
import { runSdmk, until } from './process.ts'

const nik = '3171015507900007'

async function report({ app, secretsDir }: Connector, input: string, ...args: string[]) {
  const env = {
    SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
    SDMK_SECRETS_DIR: secretsDir
  }
  return runSdmk(['person', 'report', '--reason', 'Asked by letter', ...args], env, undefined, input)
}

describe('the report for a person', () => {
  test('shows the stored data, its origin, who saw the NIK and why, and leaves the NIK out', async t => {
    const connector = await startConnector(t)
    const { simulator, run, call, pool } = connector
    await inject(simulator, [
      {
        id: 'a1b2c3d4-0000-4000-8000-000000000001',
        record: kkiRecord({ nik, nama: 'dr. Siti Rekaan', tanggal_lahir: '1990-07-15', jenis_kelamin: 'P' })
      },
      { record: kkiRecord({ nik, nama: 'Budi Contoh Lain', tanggal_lahir: '1980-01-01' }) }
    ])
    await run({})
    const { rows } = await pool.query("select id from sdmk.health_worker where name = 'Siti Rekaan'")
    const shown = await call('POST', `/v1/health-workers/${rows[0].id}/reveal`, { reason: 'Checked with the card' })
    assert.equal(shown.status, 200)

    const { code, stdout, stderr } = await report(connector, `${nik}\n`, '--json')
    assert.equal(code, 0, stderr)
    const told = JSON.parse(stdout) as PersonReport
    assert.equal(told.person?.name, 'Siti Rekaan')
    assert.equal(told.person?.sources.name?.source, 'kki')
    assert.deepEqual(
      told.changes.map(({ operation, batch }) => ({ operation, kind: batch?.kind })),
      [{ operation: 'created', kind: 'incremental' }]
    )
    assert.deepEqual(
      told.rejectedRows.map(row => ({ code: row.code, isRowKept: row.isRowKept })),
      [{ code: 'IDENTITY_CONFLICT', isRowKept: true }]
    )
    assert.deepEqual(
      told.nikShownTo.map(({ by, reason }) => ({ by, reason })),
      [{ by: 'test', reason: 'Checked with the card' }]
    )
    assert.ok(!stdout.includes(nik))

    const words = await report(connector, nik)
    assert.match(words.stdout, /Yang disimpan SDMK tentang satu orang/)
    assert.match(words.stdout, /Nama \(dari KKI, per 2026-01-01T00:00:00\S*\): "dr\. Siti Rekaan"\n/)
    assert.match(words.stdout, /oleh: "test"\n {4}dengan kunci: "test"\n {4}alasan: "Checked with the card"\n/)
    assert.ok(!(words.stdout + words.stderr).includes(nik))
    const events = await pool.query("select actor, detail from kki.audit_event where action = 'person.reported'")
    assert.deepEqual(
      events.rows.map(({ detail }) => detail),
      Array.from({ length: 2 }, () => ({ healthWorkerId: rows[0].id, reason: 'Asked by letter' }))
    )
  })

  test('says that nobody was found, and rejects an invalid NIK without repeating it', async t => {
    const connector = await startConnector(t)
    const nobody = await report(connector, '3171015507900015', '--language', 'en')
    assert.equal(nobody.code, 0, nobody.stderr)
    assert.match(nobody.stdout, /No person in the registry has this NIK or STR/)
    const wrong = await report(connector, '317101550790001')
    assert.deepEqual({ code: wrong.code, stderr: wrong.stderr }, { code: 64, stderr: 'sdmk: nik: must be 16 digits\n' })
  })

  test('finds by STR and by name with birth date, and lists candidates if the name is misspelt', async t => {
    const connector = await startConnector(t)
    const { simulator, run, pool } = connector
    const both = { nik, nama: 'dr. Siti Rekaan', tanggal_lahir: '1990-07-15', jenis_kelamin: 'P' }
    await inject(simulator, [
      { record: kkiRecord({ ...both, nomor_str: 'EQ00000000900001' }) },
      { record: kkiRecord({ ...both, nomor_str: 'EQ00000000900002', profesi: 'DOKTER GIGI' }) },
      { record: kkiRecord({ nama: 'Orang Lain', tanggal_lahir: '1990-07-15', nik: '3171011507900008' }) }
    ])
    await run({})
    const { rows } = await pool.query("select id from sdmk.health_worker where name like 'Siti%'")
    const { id } = rows[0]
    const found = async (...[input, ...args]: [string, ...string[]]) => {
      const { code, stdout, stderr } = await report(connector, input, '--json', ...args)
      return { code, stderr, told: stdout === '' ? null : JSON.parse(stdout) }
    }
    for (const str of ['EQ00000000900001', 'eq 0000 0000 900002']) {
      const { code, told, stderr } = await found(str, '--by', 'str')
      assert.deepEqual([code, told?.person.id], [0, id], stderr)
      assert.equal(told.person.registrations.length, 2)
    }
    assert.equal((await found('Rekaan, Siti\n1990-07-15', '--by', 'name')).told.person.id, id)
    const misspelt = await found('Sity Rekaan\n1990-07-15', '--by', 'name')
    assert.deepEqual(
      [misspelt.code, misspelt.told],
      [1, { candidates: [{ id, name: 'Siti Rekaan', registrations: 2 }] }]
    )
    assert.equal((await found('', '--id', String(id))).told.person.id, id)
    assert.deepEqual((await found('Siti Rekaan\n1990-07-16', '--by', 'name')).told, { candidates: [] })
    assert.equal((await found('Siti Rekaan', '--by', 'name')).code, 64)
  })

  test('lists the recorded disclosures, whichever Odoo the shell names, and as a page without active content', async t => {
    const connector = await startConnector(t)
    const { simulator, run, call, pool, app } = connector
    await inject(simulator, [
      {
        record: kkiRecord({
          nik,
          nama: 'Siti <script>alert(1)</script>',
          tanggal_lahir: '1990-07-15',
          jenis_kelamin: 'P'
        })
      }
    ])
    await run({})
    const { id } = (await pool.query('select id from sdmk.health_worker')).rows[0]
    await call('GET', `/v1/health-workers/${id}`)
    await recordDisclosures(pool, [{ channel: 'odoo', actor: 'relay', apiKeyId: null, requestId: 'x', people: [id] }])
    const env = {
      SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
      SDMK_SECRETS_DIR: connector.secretsDir
    }
    const { stdout, stderr } = await runSdmk(
      ['person', 'report', '--reason', 'Asked', '--json'],
      { ...env },
      undefined,
      nik
    )
    const { shownTo } = JSON.parse(stdout) as PersonReport
    assert.deepEqual(
      shownTo.map(({ channel, by, key, times }) => ({ channel, by, key, times })),
      [
        { channel: 'GET /v1/health-workers/:id', by: 'test', key: 'test', times: 1 },
        { channel: 'odoo', by: 'relay', key: null, times: 1 }
      ],
      stderr
    )
    const page = (await report(connector, nik, '--html')).stdout
    assert.match(page, /^<!doctype html>\n<html lang="id">/)
    assert.doesNotMatch(page, /<script/)
    assert.match(page, /Kepada siapa data diperlihatkan atau dikirim/)
    assert.match(page, /Yang disimpan, dan alasannya/)
  })

  test('reports a person created by an undone batch, by the number', async t => {
    const connector = await startConnector(t)
    const { simulator, run, call, pool } = connector
    await inject(simulator, [{ record: kkiRecord({ nik, tanggal_lahir: '1990-07-15', jenis_kelamin: 'P' }) }])
    const { batches } = await run({})
    const { id } = (await pool.query('select id from sdmk.health_worker')).rows[0]
    await call('GET', `/v1/health-workers/${id}`)
    await call('POST', `/v1/batches/${batches[0]?.id}/undo`, { reason: 'Wrong window' })
    await until('the person is gone', async () => (await pool.query('select from sdmk.health_worker')).rowCount === 0)
    const { stdout, code } = await report(connector, '', '--id', String(id), '--json')
    const told = JSON.parse(stdout) as PersonReport
    assert.deepEqual([code, told.person, told.healthWorkerId], [0, null, id])
    assert.equal(told.changes.length, 1)
    assert.ok(told.shownTo.some(({ channel }) => channel === 'GET /v1/health-workers/:id'))
    assert.match((await report(connector, nik, '-l', 'en')).stdout, /No person in the registry/)
  })
})

describe('the report over the API', () => {
  test('is only for a data protection officer, and shows a restricted person on a page without active content', async t => {
    const { app, pool, simulator, run } = await startConnector(t)
    await inject(simulator, [
      {
        record: kkiRecord({
          nomor_str: 'EQ00000000900001',
          nik,
          nama: 'Siti <script>alert(1)</script> Rekaan',
          tanggal_lahir: '1990-07-15',
          jenis_kelamin: 'P'
        })
      }
    ])
    await run({})
    const { id } = (await pool.query('select id from sdmk.health_worker')).rows[0]
    const { key } = await createApiKey(pool, 'odoo', [...scopes])
    const send = async (role: Role, url: string, body: object) => {
      const payload = JSON.stringify(body)
      const headers = await signed({ key, role, method: 'POST', url, body: payload })
      const answer = await app.inject({
        method: 'POST',
        url,
        headers: { ...headers, 'content-type': 'application/json' },
        payload
      })
      return { status: answer.statusCode, headers: answer.headers, body: answer.json() }
    }
    const ask = (body: object, role: Role = 'data_protection_officer') =>
      send(role, '/v1/person-reports', { reason: 'Asked by letter', ...body })
    const restricted = await send('data_protection_officer', `/v1/health-workers/${id}/restrict`, { reason: 'Asked' })
    assert.equal(restricted.status, 200)

    for (const role of ['auditor', 'verifier', 'administrator'] as const) {
      assert.equal((await ask({ id }, role)).status, 403, role)
    }
    const ways = [{ id }, { nik }, { str: 'eq 0000 0000 900001' }]
    for (const way of ways) {
      const { status, headers, body } = await ask(way)
      assert.deepEqual([status, body.healthWorkerId, headers['cache-control']], [200, id, 'no-store'])
      assert.match(body.page, /<html lang="id">/)
      assert.match(body.page, /Dibatasi sejak/)
      assert.match(body.page, /&lt;script&gt;/i)
      assert.doesNotMatch(body.page, /<script|3171015507900007/i)
    }
    const english = await ask({ id, language: 'en' })
    assert.match(english.body.page, /Restricted since/)
    const near = await ask({ name: 'Sity Script Alert Script Rekaan', birthDate: '1990-07-15' })
    assert.deepEqual([near.body.page, near.body.candidates.map((one: { id: number }) => one.id)], [null, [id]])

    const wrong = [
      {},
      { id, nik },
      { name: 'Siti' },
      { birthDate: '1990-07-15' },
      { id, birthDate: '1990-07-15' },
      { str: '?' },
      { nik: '1' },
      { name: 'dr.', birthDate: '1990-07-15' }
    ]
    for (const body of wrong) {
      const answer = await ask(body)
      assert.deepEqual([answer.status, answer.body.code], [400, 'VALIDATION_FAILED'], JSON.stringify(body))
    }

    const { rows: audited } = await pool.query(
      `select actor, action, count(*)::int as times from kki.audit_event
      where action in ('person.reported', 'nik.looked_up') group by 1, 2 order by 2`
    )
    assert.deepEqual(audited, [
      { actor: 'dewi', action: 'nik.looked_up', times: 1 },
      { actor: 'dewi', action: 'person.reported', times: 4 }
    ])
    const { rows: disclosed } = await pool.query(
      `select distinct role, reason from kki.disclosure
      where channel = 'POST /v1/person-reports' and people @> $1::bigint`,
      [id]
    )
    assert.deepEqual(disclosed, [{ role: 'data_protection_officer', reason: 'Asked by letter' }])
  })

  test('by NIK counts as a lookup, and is answered only within the limit', async t => {
    const { call } = await startConnector(t, { env: { SDMK_NIK_LOOKUPS: '2' } })
    const ask = (path: string) => call('POST', path, { nik, reason: 'Asked by letter' })
    const statuses = [
      await ask('/v1/person-reports'),
      await ask('/v1/health-workers/search-by-nik'),
      await ask('/v1/person-reports')
    ].map(({ status }) => status)
    assert.deepEqual(statuses, [200, 200, 429])
  })
})
