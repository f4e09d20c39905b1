import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { loadIdentity } from '../../sidecar/identity/keys.ts'
import { importPeople } from '../../sidecar/import/import-people.ts'
import { type FileOptions, readRecords } from '../../sidecar/import/read-file.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import { createOwnTransform } from '../../sidecar/transform/own-person.ts'
import { inject, kkiRecord, startConnector, temporaryFolder, waitForRun } from './helpers.ts'
import { runSdmk } from './process.ts'

const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
const mappingFile = new URL('../../contracts/sources/kki.json', import.meta.url).pathname

interface Worker {
  id: number
  name: string
  birthPlace: string | null
  sources: Record<string, { source: string } | null>
  registrations: { status: string; sourceAt: string | null; province: string | null; warnings: string[] }[]
}

async function setUp(t: TestContext) {
  const connector = await startConnector(t)
  const folder = await temporaryFolder(t)
  const mapping = await loadMapping(mappingFile)
  const identity = await loadIdentity(createFileSecretStore(connector.secretsDir))
  const load = async (content: string | Buffer, name = 'people.csv', options: FileOptions = {}) => {
    const file = path.join(folder, name)
    await writeFile(file, content)
    const { database, queue } = connector.app
    const context = { queue, identity, transform: createOwnTransform(mapping) }
    const caller = { actor: 'importer', apiKeyId: null, requestId: 'test', traceId: '0'.repeat(32) }
    const { runId } = await database.withTransaction(client =>
      importPeople(client, context, readRecords(file, options), { caller })
    )
    const { batches } = await waitForRun(id => connector.call('GET', `/v1/runs/${id}`), runId)
    return batches[0] as BatchBody
  }
  const find = async (query: { nik?: string; name?: string; str?: unknown }) => {
    const [path, body] = query.nik === undefined ? ['', query] : ['-by-nik', { ...query, reason: 'A test' }]
    return ((await connector.call('POST', `/v1/health-workers/search${path}`, body)).body as { items: Worker[] }).items
  }
  return { ...connector, load, find }
}

const csv = `nik,nama,gelar_depan,tempat_lahir,tanggal_lahir,jenis_kelamin,nomor_str,profesi,provinsi
3171014101900011,Siti Aminah,dr.,Kota Bogor,01-01-1990,P,,,
3171010201900012,Budi Hartono,,Bandung,1990-01-02,L,EQ90000000000012,DOKTER,Bali
,John Doe,,Leiden,1980-05-05,L,,,
3171010301900013,"Agus, S.Kep",,,,,,,
`

describe('importing people of SDMK', () => {
  test('creates them with SDMK’s own values, and a second import changes nothing', async t => {
    const { load, find, pool } = await setUp(t)
    const first = await load(csv)
    const { fetched, created, rejected } = first.ledger
    assert.deepEqual([first.kind, first.state, fetched, created, rejected], ['import', 'applied', 4, 4, 0])
    const [siti] = await find({ nik: '3171014101900011' })
    assert.deepEqual(
      [siti?.name, siti?.sources.birthPlace, siti?.registrations],
      ['Siti Aminah', { source: 'sdmk' }, []]
    )
    const [budi] = await find({ str: 'EQ90000000000012' })
    assert.deepEqual(
      budi?.registrations.map(({ status, sourceAt, province }) => [status, sourceAt, province]),
      [['active', null, 'Bali']]
    )
    const versions = async () =>
      (
        await pool.query(
          'select id, version from sdmk.health_worker union all select id, version from sdmk.registration'
        )
      ).rows
    const before = await versions()
    const again = await load(csv)
    assert.deepEqual([again.state, again.ledger.unchanged], ['applied', 4])
    assert.deepEqual(await versions(), before)
  })

  test('keeps its values against KKI’s, but licences follow KKI', async t => {
    const { load, find, run, simulator } = await setUp(t)
    await load(csv)
    const siti = kkiRecord({
      nik: '3171014101900011',
      nama: 'Siti Aminah',
      tempat_lahir: 'Depok',
      tanggal_lahir: '1990-01-01',
      jenis_kelamin: 'P',
      diubah_pada: ago(60)
    })
    const budi = kkiRecord({
      nomor_str: 'EQ90000000000012',
      nik: '3171010201900012',
      nama: 'Budi Hartono',
      provinsi: 'Aceh',
      diubah_pada: ago(60)
    })
    await inject(simulator, [{ record: siti }, { record: budi }])
    const { batches } = await run({})
    assert.deepEqual([batches[0]?.ledger.linked, batches[0]?.ledger.updated], [1, 1])
    const [storedSiti] = await find({ nik: '3171014101900011' })
    assert.equal(storedSiti?.birthPlace, 'Kota Bogor')
    assert.ok(storedSiti?.registrations[0]?.warnings.includes('VALUE_KEPT'))
    const [storedBudi] = await find({ str: 'EQ90000000000012' })
    assert.equal(storedBudi?.registrations[0]?.province, 'Aceh')

    const again = await load(csv.replace('Bali', 'Papua').replace('Kota Bogor', 'Cianjur'))
    assert.deepEqual([again.ledger.updated, again.ledger.unchanged], [1, 3])
    assert.equal((await find({ nik: '3171014101900011' }))[0]?.birthPlace, 'Cianjur')
    assert.equal((await find({ str: 'EQ90000000000012' }))[0]?.registrations[0]?.province, 'Aceh')
  })

  test('is reversed by an undo', async t => {
    const { load, call, pool } = await setUp(t)
    const { id } = await load(csv)
    const undone = await call('POST', `/v1/batches/${id}/undo`, { reason: 'the wrong file' })
    assert.equal(undone.status, 200, JSON.stringify(undone.body))
    assert.equal((await pool.query('select from sdmk.health_worker')).rowCount, 0)
    assert.equal((await pool.query('select from sdmk.str_number')).rowCount, 0)
  })

  test('rejects rows one by one, names the column, and keeps them in the review queue', async t => {
    const { load, call } = await setUp(t)
    const lines = [
      { nama: 'Rina Wati', nik: '123' },
      { nama: 'dr.', nik: '3171014101900021' },
      { nama: 'Tanpa Identitas', tempat_lahir: 'Bogor' },
      { nama: 'Orang Lain', nik: '3171014101900022', umur: 30 },
      { nama: 'Orang Baik', nik: '3171014101900023', tahun_lulus: 2012 },
      { nama: 'Dengan Surat', nik: '3171014101900024', nomor_str: 'EQ90000000000024' }
    ]
    const text = `${lines.map(line => JSON.stringify(line)).join('\n')}\nnot json\n`
    const batch = await load(text, 'people.jsonl')
    assert.deepEqual([batch.ledger.fetched, batch.ledger.created, batch.ledger.rejected], [7, 1, 6])
    const { body } = await call('GET', '/v1/rejections')
    const items = (
      body as { items: { id: number; source: string; code: string; problems: { instancePath: string }[] }[] }
    ).items
    assert.deepEqual(items.map(({ source, code, problems }) => [source, code, problems[0]?.instancePath]).sort(), [
      ['sdmk', 'NAME_MISSING', '/nama'],
      ['sdmk', 'NIK_INVALID', '/nik'],
      ['sdmk', 'SCHEMA_INVALID', ''],
      ['sdmk', 'SCHEMA_INVALID', ''],
      ['sdmk', 'SCHEMA_INVALID', '/nik'],
      ['sdmk', 'SCHEMA_INVALID', '/profesi']
    ])
    assert.ok(!JSON.stringify(body).includes('3171014101900022'))
    const resolved = await call('POST', `/v1/rejections/${items[0]?.id}/resolve`, { healthWorkerId: 'new' })
    assert.equal(resolved.status, 409)
  })

  test('imports nothing of an unreadable file, also if the error is near its end', async t => {
    const { load, pool } = await setUp(t)
    const rows = Array.from({ length: 1200 }, (_, i) => `Orang ${i},3171014101${String(900000 + i)}\n`).join('')
    for (const end of ['Budi,3171014101900032,x\n', '"Budi,3171014101900032\n', 'Jos\xe9,3171014101900032\n']) {
      await assert.rejects(load(Buffer.from(`nama,nik\n${rows}${end}`, 'latin1')), /line 1202.*nothing was imported/)
    }
    await assert.rejects(load('nama\nAni\n', 'people.xlsx'), /\.csv/)
    assert.equal((await pool.query('select from kki.batch')).rowCount, 0)
  })

  test('reads files of Indonesian spreadsheets: semicolons, commas in values, Windows-1252', async t => {
    const { load, find } = await setUp(t)
    const rows = [
      'nik;nama;tempat_lahir;tanggal_lahir;jenis_kelamin',
      '3273015708850001;Siti Aminah, S.Kep., Ners;Bandung;17-08-1985;P',
      '3273011203790002;Jos\xe9 Andr\xe9as;Bandung;12-03-1979;L',
      '3,27302E+15;Rina Wulandari;Bandung;17-08-1985;P'
    ]
    const file = Buffer.from(`${rows.join('\r\n')}\r\n`, 'latin1')
    await assert.rejects(load(file), /line 3, character 21: is not UTF-8/)
    const { ledger } = await load(file, 'people.csv', { encoding: 'windows-1252' })
    assert.deepEqual([ledger.fetched, ledger.created, ledger.rejected], [3, 2, 1])
    assert.equal((await find({ nik: '3273015708850001' }))[0]?.name, 'Siti Aminah')
    assert.equal((await find({ nik: '3273011203790002' }))[0]?.name, 'José Andréas')
  })

  test('ends the command with one line and exit code 1 for an unreadable file', async t => {
    const { app, pool, secretsDir } = await startConnector(t)
    const folder = await temporaryFolder(t)
    const { href: url } = new URL(app.database.pool.options.connectionString ?? '')
    const file = path.join(folder, 'people.csv')
    await writeFile(file, 'nama,nik\nJos\xe9,3273015708850011\n', 'latin1')
    for (const [args, message] of [
      [
        [file],
        'people\\.csv, line 2, character 4: is not UTF-8; .* encoding, such as windows-1252; nothing was imported'
      ],
      [[path.join(folder, 'none.csv')], 'none\\.csv: does not exist; nothing was imported'],
      [[folder, '--format', 'csv'], 'is a folder; nothing was imported']
    ] as const) {
      const { code, stdout, stderr } = await runSdmk(['import', ...args], {
        SDMK_DATABASE_URL: url,
        SDMK_SECRETS_DIR: secretsDir
      })
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, new RegExp(`^sdmk: .*${message}\n$`))
    }
    assert.equal((await pool.query('select from kki.batch')).rowCount, 0)
    const unknown = await runSdmk(['import', file, '--encoding', 'x-own'], {})
    assert.equal(unknown.code, 64)
    assert.match(unknown.stderr, /--encoding.*It must be a label of the WHATWG Encoding Standard\.\n$/)
  })

  test('rejects rows that another program has damaged, one by one', async t => {
    const { load, call } = await setUp(t)
    const rows = ['Jos\ufffd Andr\ufffdas,3273015708850011', 'Nur Aini,3273015708850012', 'Budi,"3,27302E+15"']
    const { ledger } = await load(`nama,nik\n${rows.join('\n')}\n`)
    assert.deepEqual([ledger.fetched, ledger.created, ledger.rejected], [3, 1, 2])
    const { body } = await call('GET', '/v1/rejections')
    const { items } = body as { items: { problems: { instancePath: string; params: { reason: string } }[] }[] }
    assert.deepEqual(items.map(({ problems }) => [problems[0]?.instancePath, problems[0]?.params.reason]).sort(), [
      ['/nama', 'replacementCharacter'],
      ['/nik', 'rounded']
    ])
  })

  test('reads a header and rows with other line breaks, and texts with line separators', async t => {
    const { load, find } = await setUp(t)
    const mixed = await load('nik,nama\r\n3273015708850041,Orang Alfa\n3273015708850042,Orang Beta\r\n')
    assert.deepEqual([mixed.ledger.fetched, mixed.ledger.created], [2, 2])
    const lines = [
      { nik: '3273015708850021', nama: 'Rina\u2028Wulandari', tempat_lahir: 'Bandung' },
      { nik: '3273015708850022', nama: 'Dewi Kusuma', institusi_pendidikan: 'Poltekkes\u2029Bandung' }
    ]
    const separated = await load(lines.map(line => `${JSON.stringify(line)}\n`).join(''), 'people.jsonl')
    assert.deepEqual([separated.ledger.fetched, separated.ledger.created], [2, 2])
    assert.equal((await find({ nik: '3273015708850021' }))[0]?.name, 'Rina Wulandari')
  })
})
