import assert from 'node:assert/strict'
import path from 'node:path'
import { describe, test } from 'node:test'
import { addSealKey } from '../../sidecar/privacy/reseal.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { type Connector, inject, kkiRecord, startConnector, temporaryFolder } from './helpers.ts'
import { runSdmk, until } from './process.ts'

const nik = '3171015507900007'

async function rotate({ pool, secretsDir }: Connector, ...args: string[]) {
  const env = {
    SDMK_DATABASE_URL: pool.options.connectionString ?? '',
    SDMK_SECRETS_DIR: secretsDir
  }
  const { code, stdout, stderr } = await runSdmk(['keys', 'rotate', '--wait', '0', '--json', ...args], env)
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout) as {
    sealKeyId: number
    resealed: number
    left: object
    unfit: object[]
    forgotten: number[]
  }
}

/** A registry with a NIK in each place that stores one: a person, a former NIK, a change, a rejected row. */
async function registry(connector: Connector) {
  const { simulator, run, call, pool } = connector
  await inject(simulator, [
    { record: kkiRecord({ nik, nama: 'Siti Rekaan', tanggal_lahir: '1990-07-15' }) },
    { record: kkiRecord({ nik: '3171015507900015', nama: 'dr. -' }) }
  ])
  await run({})
  const { rows } = await pool.query('select id, version from sdmk.health_worker where nik_digest is not null')
  const edited = await call(
    'PATCH',
    `/v1/health-workers/${rows[0].id}`,
    { nik: '3171015507900023', reason: 'A test' },
    { 'if-match': `"${rows[0].version}"` }
  )
  assert.equal(edited.status, 200, JSON.stringify(edited.body))
  return async () => {
    const { body } = await call('POST', `/v1/health-workers/${rows[0].id}/reveal`, { reason: 'A test' })
    return (body as { nik?: string }).nik
  }
}

describe('sdmk keys rotate', () => {
  test('seals all values again with another key, after which the former key can be removed', async t => {
    const connector = await startConnector(t)
    const reveal = await registry(connector)
    await connector.pool.query('select kki.drop_staging(id) from kki.batch')
    const first = await rotate(connector)
    assert.deepEqual(first, { sealKeyId: 2, resealed: 4, left: {}, unfit: [], forgotten: [] })
    assert.deepEqual(await rotate(connector, '--forget'), {
      sealKeyId: 2,
      resealed: 0,
      left: {},
      unfit: [],
      forgotten: [1]
    })
    const secret = await createFileSecretStore(connector.secretsDir).read('nik-keys')
    assert.deepEqual(Object.keys(secret ?? {}).sort(), [
      'auditKey1',
      'auditKeyId',
      'digestKey',
      'sealKey2',
      'sealKeyId'
    ])
    await connector.restart({})
    assert.equal(await reveal(), '3171015507900023')
    const { rows } = await connector.pool.query("select action from kki.audit_event where action = 'keys.rotated'")
    assert.equal(rows.length, 2)
    assert.equal((await rotate(connector)).sealKeyId, 3)
  })

  test('resumes after an interruption, and keeps a key that open batches still need', async t => {
    const connector = await startConnector(t)
    const reveal = await registry(connector)
    // A held batch keeps its staged rows; those of a batch that has ended may go at any moment.
    await connector.run({ mode: 'full', apply: 'hold' })
    await addSealKey(createFileSecretStore(connector.secretsDir))
    const { sealKeyId, left } = await rotate(connector)
    assert.equal(sealKeyId, 2, 'the key that was added is put in force')
    assert.ok(Object.keys(left).length > 0 && Object.keys(left).every(table => table.startsWith('kki.staged_')))
    assert.deepEqual((await rotate(connector, '--forget')).forgotten, [])
    assert.equal((await rotate(connector)).sealKeyId, 2, 'no third key while the first is needed')
    await connector.restart({})
    assert.equal(await reveal(), '3171015507900023')
  })

  test('replaces the key that signs the audit while the service runs', async t => {
    const connector = await startConnector(t, { rows: 5 })
    const keyIds = async () => {
      const { rows } = await connector.pool.query(
        `select (select array_agg(distinct key_id order by key_id) from kki.audit_chain) as ids,
          (select count(*) from kki.audit_unchained) as waiting`
      )
      return rows[0] as { ids: number[] | null; waiting: number }
    }
    await connector.run({})
    await until('all events are chained', async () => (await keyIds()).waiting === 0)
    assert.deepEqual((await keyIds()).ids, [1])
    const { auditKeyId } = (await rotate(connector, '--audit')) as unknown as { auditKeyId: number }
    assert.equal(auditKeyId, 2)
    const { auditKeyId: present, auditHead1 = '' } =
      (await createFileSecretStore(connector.secretsDir).read('nik-keys')) ?? {}
    assert.equal(present, '2')
    assert.match(auditHead1, /^\d+:[0-9a-f]{64}$/)
    await connector.restart({})
    await connector.run({})
    await until('all events are chained', async () => (await keyIds()).waiting === 0)
    assert.deepEqual((await keyIds()).ids, [1, 2])
    const env = {
      SDMK_DATABASE_URL: connector.pool.options.connectionString ?? '',
      SDMK_SECRETS_DIR: connector.secretsDir
    }
    const verified = await runSdmk(['audit', 'verify'], env)
    assert.equal(verified.code, 0, verified.stdout + verified.stderr)
  })

  test('reports missing keys', async t => {
    const { pool } = await createTestDatabase(t)
    const env = {
      SDMK_DATABASE_URL: pool.options.connectionString ?? '',
      SDMK_SECRETS_DIR: path.join(await temporaryFolder(t), 'none')
    }
    const { code, stderr } = await runSdmk(['keys', 'rotate', '--wait', '0'], env)
    assert.equal(code, 78)
    assert.match(stderr, /^sdmk: SDMK_SECRETS_DIR: the secret "nik-keys" is missing; .*\n$/)
  })
})
