import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { type Connector, inject, kkiRecord, startConnector } from './helpers.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()

interface Worker {
  id: number
  name: string
  titlePrefix: string | null
  hasNik: boolean
  birthPlace: string | null
  sources: Record<string, { source: string } | null>
  registrations: { match: { rule: number; agreed: string[]; differed: string[] }; warnings: string[] }[]
  version: number
}
type Problem = { code: string; errors?: { field: string; message: string }[] }

async function withPerson(t: Parameters<typeof startConnector>[0]) {
  const connector = await startConnector(t)
  const record = kkiRecord({ nama: 'Siti Aminah', diubah_pada: ago(120) })
  await inject(connector.simulator, [{ id: 'siti', record }])
  await connector.run({})
  const { key } = await createApiKey(connector.pool, 'editor', ['registry:write', 'registry:read'])
  const find = async () => {
    const { body } = await connector.call('POST', '/v1/health-workers/search', { str: record.nomor_str })
    return (body as { items: Worker[] }).items[0] as Worker
  }
  const edit = async (payload: object, version?: number) => {
    const { id, version: present } = await find()
    const answer = await connector.app.inject({
      method: 'PATCH',
      url: `/v1/health-workers/${id}`,
      headers: { authorization: `Bearer ${key}`, 'if-match': `"${version ?? present}"` },
      payload
    })
    return { status: answer.statusCode, body: answer.json<Worker & Problem>(), etag: answer.headers.etag }
  }
  return { ...connector, connector, record, find, edit }
}

const audit = async ({ pool }: Connector) =>
  (await pool.query(`select actor, detail from kki.audit_event where action = 'health_worker.edited'`)).rows

test('a value that SDMK sets stays, and a different value from KKI is a warning', async t => {
  const { connector, run, simulator, record, find, edit } = await withPerson(t)
  const edited = await edit({ name: 'dr. Siti Aminah Putri', birthPlace: 'Kota Bogor', reason: 'seen the KTP' })
  assert.equal(edited.status, 200, JSON.stringify(edited.body))
  assert.deepEqual(
    [
      edited.body.name,
      edited.body.titlePrefix,
      edited.body.birthPlace,
      edited.body.sources.name,
      edited.body.sources.nik?.source
    ],
    ['Siti Aminah Putri', 'dr.', 'Kota Bogor', { source: 'sdmk' }, 'kki']
  )
  assert.equal(edited.etag, `"${edited.body.version}"`)
  await inject(simulator, [{ id: 'siti', record: { ...record, provinsi: 'Bali', diubah_pada: ago(5) } }])
  await run({})
  const now = await find()
  assert.deepEqual([now.name, now.birthPlace], ['Siti Aminah Putri', 'Kota Bogor'])
  assert.ok(now.registrations[0]?.warnings.includes('VALUE_KEPT'))
  assert.deepEqual(now.registrations[0]?.match, {
    rule: 3,
    agreed: ['nik', 'birth_date'],
    similar: ['name'],
    differed: ['birth_place']
  })
  const [event] = await audit(connector)
  assert.equal(event.actor, 'editor')
  assert.deepEqual(event.detail.reason, 'seen the KTP')
  assert.ok(!JSON.stringify(event.detail).includes('Putri'))
})

test('a removed value is filled by the next one from KKI', async t => {
  const { run, simulator, record, find, edit } = await withPerson(t)
  await edit({ birthPlace: 'Bogor' })
  assert.equal((await edit({ birthPlace: null })).body.birthPlace, null)
  await inject(simulator, [{ id: 'siti', record: { ...record, provinsi: 'Bali', diubah_pada: ago(5) } }])
  await run({})
  assert.equal((await find()).birthPlace, 'Bandung')
})

test('a replaced NIK is kept and matches nobody, and another person’s NIK is denied', async t => {
  const { connector, run, simulator, record, edit, pool } = await withPerson(t)
  const other = kkiRecord({ nama: 'Budi Hartono', diubah_pada: ago(100) })
  await inject(simulator, [{ record: other }])
  await run({})
  const taken = await edit({ nik: other.nik, reason: 'seen the KTP' })
  assert.deepEqual([taken.status, taken.body.code], [409, 'NIK_TAKEN'])
  const edited = await edit({ nik: '3171014502900777', reason: 'seen the KTP' })
  assert.equal(edited.body.hasNik, true)
  assert.equal((await pool.query('select from sdmk.former_nik')).rowCount, 1)
  await inject(simulator, [{ record: kkiRecord({ nik: record.nik, nama: 'Orang Baru', diubah_pada: ago(5) }) }])
  const later = await run({})
  assert.equal(later.batches[0]?.ledger.created, 1)
  assert.equal((await audit(connector)).length, 1)
})

test('an impossible value is denied with its field, and nothing is written', async t => {
  const { find, edit, app, pool } = await withPerson(t)
  const before = await find()
  for (const [payload, field] of [
    [{ nik: '3171013201900001', reason: 'seen the KTP' }, '/body/nik'],
    [{ nik: '3171014502900777' }, '/body/reason'],
    [{ nik: null }, '/body/reason'],
    [{ name: 'dr.' }, '/body/name'],
    [{ birthDate: '2999-01-01' }, '/body/birthDate'],
    [{ birthPlace: '-' }, '/body/birthPlace'],
    [{ sex: 'X' }, '/body/sex']
  ] as const) {
    const { status, body } = await edit(payload)
    assert.deepEqual([status, body.errors?.[0]?.field], [400, field], JSON.stringify(payload))
  }
  const moved = await edit({ sex: 'female' }, before.version - 1)
  assert.deepEqual([moved.status, moved.body.code], [412, 'PRECONDITION_FAILED'])
  const { key } = await createApiKey(pool, 'blind', ['registry:write'])
  const headers = { authorization: `Bearer ${key}` }
  const blind = await app.inject({
    method: 'PATCH',
    url: `/v1/health-workers/${before.id}`,
    headers,
    payload: { sex: 'female' }
  })
  assert.deepEqual([blind.statusCode, blind.json<Problem>().code], [428, 'PRECONDITION_REQUIRED'])
  assert.deepEqual(await find(), before)
})

test('an identity number in a text is denied in every spelling, because it would be stored in clear', async t => {
  const { edit, find } = await withPerson(t)
  const texts = {
    name: 'Siti 3171014502900777',
    birthPlace: 'Bogor 3171.0145.0290.0777',
    titleSuffix: '3171-014502-900777'
  }
  for (const [field, text] of Object.entries(texts)) {
    const { status, body } = await edit({ [field]: text })
    assert.equal(status, 400)
    assert.deepEqual(body.errors, [{ field: `/body/${field}`, message: 'must not contain an identity number' }])
  }
  const { status, body } = await edit({ name: 'Siti Aminah', reason: 'as for 3171 0145 0290 0777' })
  assert.deepEqual([status, body.code], [400, 'VALIDATION_FAILED'])
  assert.equal((await find()).name, 'Siti Aminah')
})
