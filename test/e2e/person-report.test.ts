import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { PersonReport } from '../../sidecar/sync/person-report/report.ts'
import { type Connector, inject, kkiRecord, startConnector } from './helpers.ts'
import { runSdmk } from './process.ts'

const nik = '3171015507900007'

async function report({ app, secretsDir }: Connector, input: string, ...args: string[]) {
  const env = {
    SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
    SDMK_SECRETS_DIR: secretsDir
  }
  return runSdmk(['person', 'report', '--reason', 'Asked by letter', ...args], env, undefined, input)
}

describe('the report for a person', () => {
  test('tells what is stored, where it came from, who saw the NIK and why, and leaves the NIK out', async t => {
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
      told.refusedRows.map(row => ({ code: row.code, isRowKept: row.isRowKept })),
      [{ code: 'IDENTITY_CONFLICT', isRowKept: true }]
    )
    assert.deepEqual(
      told.nikShownTo.map(({ by, reason }) => ({ by, reason })),
      [{ by: 'test', reason: 'Checked with the card' }]
    )
    assert.ok(!stdout.includes(nik))

    const words = await report(connector, nik)
    assert.match(words.stdout, /Yang disimpan SDMK tentang pemilik NIK ini/)
    assert.match(words.stdout, /Nama \(dari KKI, per 2026-01-01T00:00:00\S*\): "dr\. Siti Rekaan"\n/)
    assert.match(words.stdout, /oleh: "test"\n {4}dengan kunci: "test"\n {4}alasan: "Checked with the card"\n/)
    assert.ok(!(words.stdout + words.stderr).includes(nik))
    const events = await pool.query("select actor, detail from kki.audit_event where action = 'person.reported'")
    assert.deepEqual(
      events.rows.map(({ detail }) => detail),
      Array.from({ length: 2 }, () => ({ healthWorkerId: rows[0].id, reason: 'Asked by letter' }))
    )
  })

  test('says that there is nobody, and refuses what is no NIK without repeating it', async t => {
    const connector = await startConnector(t)
    const nobody = await report(connector, '3171015507900015', '--language', 'en')
    assert.equal(nobody.code, 0, nobody.stderr)
    assert.match(nobody.stdout, /The registry has nobody of this NIK/)
    const wrong = await report(connector, '317101550790001')
    assert.deepEqual(
      { code: wrong.code, stderr: wrong.stderr },
      { code: 64, stderr: 'sdmk: nik: must be 16 digits, on standard input\n' }
    )
  })
})
