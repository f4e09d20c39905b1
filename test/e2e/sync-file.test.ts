import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { open, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import writeXlsxFile from 'write-excel-file/node'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { loadIdentity } from '../../sidecar/identity/keys.ts'
import type { FileFormat } from '../../sidecar/import/read-rows.ts'
import { type FileRunRequest, syncFile } from '../../sidecar/import/sync-file.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { mappingOfFile } from '../../sidecar/source/file-description.ts'
import { loadFileDescription } from '../../sidecar/source/load-file-description.ts'
import { createRowReader } from '../../sidecar/transform/row-reader.ts'
import { csvOf, header, letters, line } from '../helpers/council-list.ts'
import { writeRawXlsx } from '../helpers/xlsx.ts'
import { dumpRegistry, startConnector, temporaryFolder, waitForRun } from './helpers.ts'
import { environment, runSdmk, sdmk, until } from './process.ts'

const descriptionFile = new URL('../../contracts/sources/council-spreadsheet.json', import.meta.url).pathname
const asOf = new Date('2026-11-01T00:00:00Z')

async function setUp(t: TestContext, env: Record<string, string> = {}) {
  const connector = await startConnector(t, { env })
  const folder = await temporaryFolder(t)
  const description = await loadFileDescription(descriptionFile)
  const identity = await loadIdentity(createFileSecretStore(connector.secretsDir))
  const load = async (name: string, request: Partial<FileRunRequest> = {}, used = description): Promise<RunBody> => {
    const format = path.extname(name).slice(1) as FileFormat
    const { database, queue } = connector.app
    const batchRows = Number(env.SDMK_BATCH_ROWS ?? 50_000)
    const mapping = mappingOfFile(used)
    const { transform } = createRowReader(mapping, mapping)
    const context = { queue, identity, transform, description: used, batchRows, maxSkewSeconds: 300 }
    const caller = { actor: 'importer', apiKeyId: null, requestId: 'test', traceId: '0'.repeat(32) }
    const file = await open(path.join(folder, name))
    try {
      const { runId } = await database.withTransaction(client =>
        syncFile(client, context, file, { format, asOf, ...request }, { name, triggeredBy: 'command', caller })
      )
      return await waitForRun(id => connector.call('GET', `/v1/runs/${id}`), runId)
    } finally {
      await file.close()
    }
  }
  const ledgerOf = ({ batches }: RunBody) => batches.map(({ kind, state, ledger }) => ({ kind, state, ...ledger }))
  const rejections = async () => {
    const { rows } = await connector.pool.query(
      `select r.code, p ->> 'instancePath' as place, p -> 'params' ->> 'reason' as reason
      from kki.rejection r, jsonb_array_elements(r.problems) p order by r.code`
    )
    return rows.map(({ code, place, reason }) => [code, place, reason].join(' '))
  }
  const people = async () => {
    const { rows } = await connector.pool.query(
      `select h.name, h.birth_date::text as born, r.str_number as str, r.source_at as at, r.status
      from sdmk.health_worker h join sdmk.registration r on r.health_worker_id = h.id order by r.str_number`
    )
    return rows
  }
  return { ...connector, folder, load, ledgerOf, rejections, people }
}

const people: unknown[][] = [line(1), line(2), line(3, { str: 'EQ-1' }), line(4, { status: 'Entah' })]

/** Writes the same list in each format. */
const writers: Record<FileFormat, (file: string, rows: unknown[][]) => Promise<unknown>> = {
  xlsx: (file, rows) => writeXlsxFile([header, ...rows] as never).toFile(file),
  csv: (file, rows) => writeFile(file, csvOf([header, ...rows])),
  jsonl: (file, rows) =>
    writeFile(
      file,
      rows.map(row => JSON.stringify(Object.fromEntries(row.map((cell, i) => [header[i], cell])))).join('\n')
    )
}

describe('a file of KKI', () => {
  for (const format of ['xlsx', 'csv', 'jsonl'] as const) {
    test(`as ${format}: each row is applied, or rejected with its reason; the same file again changes nothing`, async t => {
      const { folder, load, ledgerOf, rejections, people: stored, pool, call } = await setUp(t)
      const name = `list.${format}`
      await writers[format](path.join(folder, name), people)
      const [first] = ledgerOf(await load(name))
      assert.deepEqual(
        [first?.kind, first?.state, first?.fetched, first?.created, first?.rejected],
        ['file', 'applied', 4, 2, 2]
      )
      assert.deepEqual(
        (await stored()).map(({ str, born, at }) => [str, born, at]),
        [
          ['EQ00000000000001', '1990-01-02', asOf],
          ['EQ00000000000002', '1990-01-03', asOf]
        ]
      )
      assert.deepEqual(await rejections(), [
        'STATUS_UNKNOWN /columns/Status STR notListed',
        'STR_INVALID /columns/Nomor STR shape'
      ])
      const before = await dumpRegistry(pool)
      const [again] = ledgerOf(await load(name))
      assert.deepEqual([again?.state, again?.unchanged, again?.rejected], ['applied', 2, 2])
      assert.deepEqual(await dumpRegistry(pool), before)
      assert.equal((await rejections()).length, 2)
      const [later] = ledgerOf(await load(name, { asOf: new Date('2026-11-02T00:00:00Z') }))
      assert.deepEqual([later?.state, later?.unchanged], ['applied', 2])
      assert.deepEqual(await dumpRegistry(pool), before)
      const digest = createHash('sha256')
        .update(await readFile(path.join(folder, name)))
        .digest('hex')
      const { rows } = await pool.query(`select created.detail, staged.detail as staged from kki.audit_event created
        join kki.audit_event staged using (run_id, actor)
        where created.action = 'run.created' and staged.action = 'file.staged' order by created.id`)
      assert.deepEqual(
        rows.map(({ detail, staged }) => [detail.mode, detail.digest, detail.format, staged.fetched]),
        Array(3).fill(['file', digest, format, 4])
      )
      // The watermark is KKI's API's, and a column that nobody described is stored nowhere.
      assert.equal((await pool.query('select from kki.watermark')).rowCount, 0)
      const { items } = (await call('GET', '/v1/rejections')).body as { items: { id: number }[] }
      const detail = JSON.stringify((await call('GET', `/v1/rejections/${items[0]?.id}`)).body)
      assert.match(detail, /Nama Lengkap/)
      assert.doesNotMatch(detail, /Rahasia|31710104/)
    })
  }

  test('as an irregular spreadsheet: titles, a header of two rows, empty lines, numbers instead of texts, serial dates, totals', async t => {
    const { folder, load, ledgerOf, rejections, people: stored, pool } = await setUp(t)
    const text = (...cells: (string | null)[]) =>
      cells.map(cell => (cell === null ? '<c/>' : `<c t="inlineStr"><is><t>${cell}</t></is></c>`)).join('')
    const person = (n: number, name: string, cells: { str?: string; nik?: string; born: string; status?: string }) =>
      `<row r="${n}">${text(String(n))}${cells.str ?? text(`EQ000000000001${n}`)}${cells.nik ?? text('3171010201900001'.replace('0001', `00${n}`))}
        ${text(name, '', '', 'Bogor')}${cells.born}${text('P', 'DOKTER', null)}${cells.status ?? text('Aktif')}${text('1 Februari 2024')}<c/></row>`
    await writeRawXlsx(path.join(folder, 'messy.xlsx'), {
      texts: ['<r><t>31.1.1.100.2.20</t></r><r><rPr><b/></rPr><t>.999999</t></r>', '<t>Bella</t>'],
      formats: [0, 14, 'dd\\ mmmm\\ yyyy', '0.00'],
      order: 'texts last',
      prefix: 'x',
      sheet: `
        <row r="1">${text('DAFTAR TENAGA KESEHATAN')}</row>
        <row r="3"><c r="A3" t="inlineStr"><is><t>No</t></is></c>
          <c r="B3" t="inlineStr"><is><t>Nomor STR</t></is></c><c r="C3" t="inlineStr"><is><t>N I K</t></is></c>
          <c r="D3" t="inlineStr"><is><t>Nama</t></is></c><c r="G3" t="inlineStr"><is><t>Lahir</t></is></c>
          <c r="I3" t="inlineStr"><is><t>JENIS_x000A_KELAMIN</t></is></c><c r="J3" t="inlineStr"><is><t>Profesi</t></is></c>
          <c r="K3" t="inlineStr"><is><t>Kompetensi</t></is></c><c r="L3" t="inlineStr"><is><t>STR</t></is></c></row>
        <row r="4"><c r="D4" t="inlineStr"><is><t>Lengkap</t></is></c><c r="E4" t="inlineStr"><is><t>Gelar Depan</t></is></c>
          <c r="F4" t="inlineStr"><is><t>Gelar Belakang</t></is></c><c r="G4" t="inlineStr"><is><t>Tempat</t></is></c>
          <c r="H4" t="inlineStr"><is><t>Tanggal</t></is></c><c r="L4" t="inlineStr"><is><t>Status</t></is></c>
          <c r="M4" t="inlineStr"><is><t>Terbit</t></is></c><c r="N4" t="inlineStr"><is><t>Berlaku</t></is></c></row>
        <row r="5"/>
        ${person(11, 'Serial Tanggal', { born: '<c s="1"><v>32875</v></c>' })}
        ${person(12, 'Serial Tanpa Gaya', { born: '<c><v>32875</v></c>', str: '<c t="s"><v>0</v></c>' })}
        <row r="13">${text(' ', '', null)}</row>
        ${person(14, 'NIK Angka', { born: '<c s="2"><v>32875</v></c>', nik: '<c><v>3.27301570885001E+15</v></c>' })}
        ${person(15, 'STR Angka', { born: '<c s="1"><v>32875</v></c>', str: '<c><v>3111100220999990</v></c>' })}
        ${person(16, 'Rumus', { born: '<c s="1"><f>DATE(1990,1,2)</f><v>32875</v></c>', status: '<c t="str"><f>UPPER("aktif")</f><v>AKTIF</v></c>' })}
        ${person(17, 'Tanpa Hasil', { born: '<c s="1"><f>DATE(1990,1,2)</f></c>' })}
        ${person(18, 'Salah Rumus', { born: '<c t="e"><v>#N/A</v></c>' })}
        ${person(19, 'STR Pendek', { born: text('1990-01-02'), str: '<c><v>12345678</v></c>' })}
        <row r="20">${text('Jumlah', null, null, '9')}</row>`,
      after: '<mergeCells count="1"><mergeCell ref="D3:F3"/></mergeCells>'
    })
    const file = {
      ...JSON.parse(await readFile(descriptionFile, 'utf8')),
      fields: {
        strNumber: '/Nomor STR',
        nik: '/N I K',
        name: '/Nama Lengkap',
        titlePrefix: '/Gelar Depan',
        titleSuffix: '/Gelar Belakang',
        birthPlace: '/Lahir Tempat',
        birthDate: '/Lahir Tanggal',
        sex: '/Jenis Kelamin',
        profession: '/Profesi',
        competence: '/Kompetensi',
        status: '/STR Status',
        issuedOn: '/Terbit',
        validUntil: '/STR Berlaku'
      }
    }
    const other = path.join(folder, 'description.json')
    await writeFile(other, JSON.stringify(file))
    const [first] = ledgerOf(await load('messy.xlsx', {}, await loadFileDescription(other)))
    assert.deepEqual([first?.state, first?.fetched, first?.created, first?.rejected], ['applied', 8, 3, 5])
    assert.deepEqual(
      (await stored()).map(({ name, str, born }) => [name, str, born]),
      [
        ['Serial Tanpa Gaya', '3111100220999999', '1990-01-02'],
        ['Serial Tanggal', 'EQ00000000000111', '1990-01-02'],
        ['Rumus', 'EQ00000000000116', '1990-01-02']
      ]
    )
    assert.deepEqual(await rejections(), [
      'NIK_INVALID /columns/N I K rounded',
      'SCHEMA_INVALID /columns/Lahir Tanggal type',
      'SCHEMA_INVALID /columns/Lahir Tanggal type',
      'SCHEMA_INVALID /columns/Nomor STR type',
      'STR_INVALID /columns/Nomor STR rounded'
    ])
    const { rows } = await pool.query(
      `select detail -> 'passedOver' as "passedOver" from kki.audit_event where action = 'file.staged'`
    )
    assert.deepEqual(rows, [{ passedOver: { blank: 1, totals: 1, otherProfessions: 0 } }])
  })

  test('in batches, and the gate holds harmful ones', async t => {
    const { folder, load, ledgerOf, people: stored, pool } = await setUp(t, { SDMK_BATCH_ROWS: '500' })
    const list = (status: string) =>
      Array.from({ length: 1200 }, (_, i) => line(i + 1, { name: `Orang ${letters(i)}`, status }))
    await writers.csv(path.join(folder, 'good.csv'), list('Aktif'))
    const good = ledgerOf(await load('good.csv'))
    assert.deepEqual(
      good.map(({ state, fetched, created }) => [state, fetched, created]),
      [
        ['applied', 500, 500],
        ['applied', 500, 500],
        ['applied', 200, 200]
      ]
    )
    await writers.csv(path.join(folder, 'harmful.csv'), list('Dicabut'))
    const harmful = await load('harmful.csv', { asOf: new Date('2026-11-02T00:00:00Z') })
    assert.deepEqual(
      harmful.batches.map(({ state, holdReasons }) => [state, holdReasons]),
      Array(3).fill(['held', ['DEACTIVATIONS']])
    )
    assert.ok((await stored()).every(({ status }) => status === 'active'))
    // Values of another file of the same day are older than the stored ones.
    await writers.csv(
      path.join(folder, 'renamed.csv'),
      list('Aktif').map(row => row.with(3, `${row[3]} Lain`))
    )
    const renamed = await load('renamed.csv', { asOf: new Date('2026-11-03T00:00:00Z') })
    assert.deepEqual(new Set(renamed.batches.flatMap(({ holdReasons }) => holdReasons)), new Set(['NAMES_CHANGED']))
    assert.equal((await pool.query('select from kki.watermark')).rowCount, 0)
  })

  test('that cannot be read is rejected as a whole, with the place and a remedy', async t => {
    const { folder, load, pool } = await setUp(t)
    const rejects = async (
      name: string,
      content: string | Buffer,
      message: RegExp,
      request: Partial<FileRunRequest> = {}
    ) => {
      await writeFile(path.join(folder, name), content)
      await assert.rejects(load(name, request), (error: Error & { code: string }) => {
        assert.match(`${error.code} ${error.message}`, message)
        assert.doesNotMatch(error.message, /undefined|NaN|Orang/)
        return true
      })
    }
    const good = csvOf([header, line(1)])
    await rejects(
      'a.csv',
      csvOf([header.toSpliced(11, 1), line(1)]),
      /IMPORT_FILE_INVALID a.csv: none of the first 50 rows .* lacks "Status STR"; nothing/
    )
    await rejects('a.csv', csvOf([header.with(14, 'NIK'), line(1)]), /row 1: the header has "NIK" in columns 3 and 15/)
    await rejects('a.csv', `${good}\r\n2;EQ00000000000002`, /line 3: has 2 values, and the header has 15 columns/)
    await rejects('a.csv', csvOf([header]), /a.csv: holds no records/)
    await rejects(
      'a.csv',
      Buffer.from(`${good}\r\nJos\xe9`, 'latin1'),
      /line 3, character 4: is not UTF-8; .* encoding, such as windows-1252/
    )
    await rejects(
      'a.csv',
      csvOf([
        header,
        ...Array.from({ length: 12 }, (_, i) => line(i + 1, { nik: `317101020190${String(i).padStart(3, '0')}0` }))
      ]),
      /column "NIK": every NIK ends with 0/
    )
    await rejects('a.xlsx', good, /a.xlsx: is not an .xlsx file; it may be an older format, or have a password/)
    await rejects('a.csv', good, /VALIDATION_FAILED asOf: is required/, { asOf: undefined })
    await rejects('a.csv', good, /VALIDATION_FAILED asOf: must not be in the future/, {
      asOf: new Date(Date.now() + 86_400_000)
    })
    await rejects('a.csv', good, /row 2 does not have all columns/, { headerRow: 2 })
    const xlsx = path.join(folder, 'sheet.xlsx')
    await writers.xlsx(xlsx, people)
    await rejects('a.xlsx', await readFile(xlsx), /a.xlsx: has no sheet "Lain"/, { sheet: 'Lain' })
    await rejects('a.xlsx', (await readFile(xlsx)).subarray(0, 3000), /a.xlsx: is not an .xlsx file/)
    assert.equal((await pool.query('select from kki.run')).rowCount, 0)
  })

  test('in Windows-1252 with semicolons, or with a byte order mark and a title, is read if the options say so', async t => {
    const { folder, load, ledgerOf, people: stored } = await setUp(t)
    await writeFile(
      path.join(folder, 'a.csv'),
      Buffer.from(csvOf([header, line(1, { name: 'Jos\xe9 Andr\xe9as' })]), 'latin1')
    )
    assert.equal(ledgerOf(await load('a.csv', { encoding: 'windows-1252' }))[0]?.created, 1)
    await writeFile(
      path.join(folder, 'b.csv'),
      `\ufeffDaftar, per November\n\n${csvOf([header, line(2)], ',')}\nTotal,1\n`
    )
    assert.equal(ledgerOf(await load('b.csv'))[0]?.created, 1)
    assert.deepEqual(
      (await stored()).map(({ name }) => name),
      ['José Andréas', 'Orang CA Rekaan']
    )
  })

  test('is accepted by the API as its body, completely or not at all', async t => {
    const { folder, app, key, call, ledgerOf, pool } = await setUp(t)
    const file = path.join(folder, 'list.xlsx')
    await writers.xlsx(file, people)
    const send = async (query: string, payload: Buffer | string, type = 'application/octet-stream') => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': type }
      const response = await app.inject({ method: 'POST', url: `/v1/runs/file?${query}`, headers, payload })
      return { status: response.statusCode, body: response.json() }
    }
    const bytes = await readFile(file)
    const sent = await send('format=xlsx&asOf=2026-11-01T00:00:00Z', bytes)
    assert.equal(sent.status, 202, JSON.stringify(sent.body))
    const [done] = ledgerOf(await waitForRun(id => call('GET', `/v1/runs/${id}`), sent.body.id))
    assert.deepEqual([done?.state, done?.created, done?.rejected], ['applied', 2, 2])
    const denied = [
      [await send('format=xlsx', bytes), 400, /asOf/],
      [await send('format=xlsx&asOf=2026-11-01T00:00:00Z', bytes.subarray(0, 1000)), 422, /IMPORT_FILE_INVALID/],
      [await send('format=csv&asOf=2026-11-01T00:00:00Z', ''), 400, /VALIDATION_FAILED/],
      [await send('format=csv&asOf=2026-11-01T00:00:00Z', '{}', 'application/json'), 400, /octet-stream/],
      [await send('format=csv&asOf=2026-11-01T00:00:00Z', Buffer.alloc(64 * 1024 * 1024 + 1)), 400, /bytes|large/],
      [await send('format=pdf', bytes), 400, /querystring.format/]
    ] as const
    for (const [{ status, body }, expected, text] of denied) {
      assert.equal(status, expected, JSON.stringify(body))
      assert.match(JSON.stringify(body), text)
    }
    assert.equal((await pool.query('select from kki.run')).rowCount, 1)
  })

  test('that cannot be read is reported by the API in the caller’s language, without its values', async t => {
    const { folder, app, key } = await setUp(t)
    const detail = async (language: string, query: string, payload: Buffer | string) => {
      const headers = {
        authorization: `Bearer ${key}`,
        'content-type': 'application/octet-stream',
        'accept-language': language
      }
      const url = `/v1/runs/file?asOf=2026-11-01T00:00:00Z&${query}`
      const response = await app.inject({ method: 'POST', url, headers, payload })
      const problem = response.json() as { code: string; detail: string }
      assert.deepEqual([response.statusCode, problem.code], [422, 'IMPORT_FILE_INVALID'], response.body)
      assert.equal(response.headers['content-language'], language)
      assert.doesNotMatch(problem.detail, /undefined|NaN|Orang|3171/)
      return problem.detail
    }
    const good = csvOf([header, line(1)])
    const workbook = path.join(folder, 'list.xlsx')
    await writers.xlsx(workbook, people)
    const rounded = Array.from({ length: 12 }, (_, i) =>
      line(i + 1, { nik: `317101020190${String(i).padStart(3, '0')}0` })
    )
    for (const [query, payload, english, indonesian] of [
      [
        'format=csv',
        csvOf([header.toSpliced(11, 1), line(1)]),
        'The file: none of the first 50 rows has all columns of the description; row 1 comes closest and lacks "Status STR".',
        'Berkas: 50 baris pertama tidak memuat tajuk dengan semua kolom dalam deskripsi; yang paling mendekati adalah baris 1, yang tidak memuat "Status STR".'
      ],
      [
        'format=csv',
        `${good}\r\n2;EQ00000000000002`,
        'Line 3: has 2 values, and the header has 15 columns.',
        'Baris 3: ada 2 nilai, sedangkan tajuk memuat 15 kolom.'
      ],
      [
        'format=csv',
        Buffer.from(`${good}\r\nJos\xe9`, 'latin1'),
        'Line 3, character 4: is not UTF-8; save the file as UTF-8, or name its encoding, such as windows-1252.',
        'Baris 3, karakter ke-4: bukan UTF-8; simpan berkas sebagai UTF-8, atau pilih pengodeannya, misalnya windows-1252.'
      ],
      [
        'format=csv&encoding=windows-1252',
        good.replace('Orang', 'Oräng'),
        'Line 2: is UTF-8, and not WINDOWS-1252; name the encoding utf-8.',
        'Baris 2: berisi UTF-8, bukan WINDOWS-1252; pilih pengodean utf-8.'
      ],
      ['format=csv', csvOf([header]), 'The file: holds no records.', 'Berkas: tidak memuat data.'],
      [
        'format=csv',
        csvOf([header, ...rounded]),
        'Column "NIK": every NIK ends with 0: a spreadsheet has rounded them; format that column as text.',
        'Kolom "NIK": semua NIK berakhir dengan 0 karena dibulatkan oleh lembar kerja; ubah format kolom itu menjadi teks.'
      ],
      [
        'format=xlsx',
        Buffer.from('ffd8ffe000104a464946', 'hex'),
        'The file: is not an .xlsx file; it may be an older format, or have a password: save it as .xlsx without a password.',
        'Berkas: bukan berkas .xlsx; mungkin formatnya lebih lama, atau berkas berkata sandi: simpan sebagai .xlsx tanpa kata sandi.'
      ],
      [
        'format=xlsx&sheet=Lain',
        await readFile(workbook),
        'The file: has no sheet "Lain".',
        'Berkas: tidak ada lembar "Lain".'
      ]
    ] as const) {
      assert.equal(await detail('en', query, payload), english)
      assert.equal(await detail('id', query, payload), indonesian)
    }
  })

  test('is loaded by the command, which reports a missing option', async t => {
    const { folder, app, secretsDir } = await setUp(t)
    const env = { SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '', SDMK_SECRETS_DIR: secretsDir }
    const file = path.join(folder, 'council-2026-11.xlsx')
    await writers.xlsx(file, people)
    const missing = await runSdmk(['sync', '--file', file], env)
    assert.deepEqual([missing.code, missing.stdout], [64, ''])
    assert.match(missing.stderr, /^sdmk: --as-of: is required: the file has no column that says when/)
    const both = await runSdmk(['sync', '--file', file, '--since', '2026-11-01'], env)
    assert.match(both.stderr, /^sdmk: --since: is not allowed with --file/)
    const { code, stdout, stderr } = await runSdmk(['sync', '--file', file, '--as-of', '2026-11-01', '--json'], env)
    assert.equal(code, 0, stderr)
    assert.deepEqual([JSON.parse(stdout).created, JSON.parse(stdout).rejected], [2, 2])
  })

  test('that lists an STR more than once with different values changes nothing when it is loaded again', async t => {
    const { folder, load, ledgerOf, pool } = await setUp(t, { SDMK_BATCH_ROWS: '500' })
    // Some lists have a line for each title; each line is about the same person.
    const rows = [1, 2, 3, 4, 5, 6].flatMap(n => ['dr.', 'Dr. dr.', null].map(title => line(n).with(4, title)))
    await writers.csv(path.join(folder, 'a.csv'), rows)
    const [first] = ledgerOf(await load('a.csv'))
    assert.deepEqual([first?.state, first?.created, first?.superseded], ['applied', 6, 12])
    const before = await dumpRegistry(pool)
    for (let again = 0; again < 3; again++) {
      const [ledger] = ledgerOf(await load('a.csv'))
      assert.deepEqual([ledger?.state, ledger?.unchanged, ledger?.superseded], ['applied', 12, 6])
      assert.deepEqual(await dumpRegistry(pool), before)
    }
  })

  test('that lists an STR in several batches with different values changes nothing when it is loaded again', async t => {
    const { folder, load, ledgerOf, pool } = await setUp(t, { SDMK_BATCH_ROWS: '500' })
    const rows = ['dr.', 'Dr. dr.'].flatMap(title =>
      Array.from({ length: 600 }, (_, i) => line(i + 1, { name: `Orang ${letters(i)}` }).with(4, title))
    )
    await writers.csv(path.join(folder, 'a.csv'), rows)
    const first = ledgerOf(await load('a.csv'))
    assert.deepEqual(
      first.map(({ state, fetched }) => [state, fetched]),
      [
        ['applied', 500],
        ['applied', 500],
        ['applied', 200]
      ]
    )
    const before = await dumpRegistry(pool)
    for (const { created, linked, updated } of ledgerOf(await load('a.csv'))) {
      assert.deepEqual([created, linked, updated], [0, 0, 0])
    }
    assert.deepEqual(await dumpRegistry(pool), before)
  })

  test('brings the professions of the setting only; the others are counted', async t => {
    const { folder, load, ledgerOf, people: stored, pool } = await setUp(t)
    await pool.query(`update kki.setting set professions = '{nurse}'`)
    const rows = [line(1), line(2).with(9, 'Perawat'), line(3, { str: 'EQ-1' }), line(4).with(9, 'Tukang Sihir')]
    await writers.csv(path.join(folder, 'a.csv'), rows)
    const [ledger] = ledgerOf(await load('a.csv'))
    // A profession that cannot be read is for a person to look at.
    assert.deepEqual([ledger?.state, ledger?.fetched, ledger?.created, ledger?.rejected], ['applied', 2, 1, 1])
    assert.deepEqual(
      (await stored()).map(({ str }) => str),
      ['EQ00000000000002']
    )
    const { rows: events } = await pool.query(
      `select detail -> 'passedOver' as "passedOver" from kki.audit_event where action = 'file.staged'`
    )
    assert.deepEqual(events, [{ passedOver: { blank: 0, totals: 0, otherProfessions: 2 } }])
  })

  test('keeps a deactivation whose profession cannot be read', async t => {
    const { folder, load, ledgerOf, people: stored, pool } = await setUp(t)
    await pool.query(`update kki.setting set professions = '{nurse}'`)
    await writers.csv(path.join(folder, 'a.csv'), [line(5).with(9, 'Perawat')])
    await load('a.csv')
    for (const profession of ['', 'Tukang Sihir']) {
      await writers.csv(path.join(folder, 'b.csv'), [line(5, { status: 'Dicabut' }).with(9, profession)])
      assert.equal(ledgerOf(await load('b.csv'))[0]?.fetched, 1)
    }
    assert.deepEqual(
      (await stored()).map(({ status }) => status),
      ['revoked']
    )
  })

  test('is read again as a whole after a correction of its description', async t => {
    const { folder, load, ledgerOf } = await setUp(t)
    const description = await loadFileDescription(descriptionFile)
    const { issuedOn: _, ...columns } = description.columns
    const rows = Array.from({ length: 12 }, (_, i) => line(i + 1))
    await writers.csv(path.join(folder, 'a.csv'), rows)
    assert.equal(ledgerOf(await load('a.csv', {}, { ...description, columns }))[0]?.created, 12)
    assert.equal(ledgerOf(await load('a.csv'))[0]?.updated, 12)
  })

  test('has the same rejected rows in a later file, after a line was added and with other columns around', async t => {
    const { folder, load, pool } = await setUp(t)
    const bad = [line(1, { str: '' }), line(2, { status: 'Entah' })]
    const later = new Date('2026-11-02T00:00:00Z')
    await writers.csv(path.join(folder, 'a.csv'), bad)
    await load('a.csv')
    await pool.query(`update kki.rejection set state = 'dismissed', decided_at = now(), decided_by = 'x', decision_reason = 'x'
      where subject = 'EQ00000000000002'`)
    // Columns in another order, and another value in one that nobody described.
    const rows = [header, line(3), ...bad.map(row => row.with(header.indexOf('Nama Ibu'), 'Ibu Lain'))]
    await writeFile(path.join(folder, 'b.csv'), csvOf(rows.map(row => row.toReversed())))
    await load('b.csv', { asOf: later })
    const read = async () => (await pool.query('select state from kki.rejection order by subject')).rows
    assert.deepEqual(await read(), [{ state: 'dismissed' }, { state: 'open' }])
    await writers.csv(
      path.join(folder, 'c.csv'),
      bad.map(row => row.with(3, 'Orang Lain'))
    )
    await load('c.csv', { asOf: later })
    assert.equal((await read()).length, 4)
  })

  test('as a workbook that counts days from 1904', async t => {
    const { folder, load, ledgerOf, people: stored } = await setUp(t)
    const text = (value: unknown) => `<c t="inlineStr"><is><t>${value ?? ''}</t></is></c>`
    const days = Date.UTC(1990, 0, 2) / 86_400_000 + 25_569 - 1462
    const row = (n: number, born: string) =>
      `<row>${line(n)
        .map((value, i) => (i === 7 ? born : text(value)))
        .join('')}</row>`
    await writeRawXlsx(path.join(folder, 'old.xlsx'), {
      is1904: true,
      formats: [0, 14],
      sheet: `<row>${header.map(text).join('')}</row>${row(1, `<c s="1"><v>${days}</v></c>`)}
        ${row(2, `<c><v>${days + 1}</v></c>`)}${row(3, `<c s="1" t="d"><v>1990-01-04T00:00:00Z</v></c>`)}`
    })
    const [ledger] = ledgerOf(await load('old.xlsx'))
    assert.equal(ledger?.created, 3)
    assert.deepEqual(
      (await stored()).map(({ born }) => born),
      ['1990-01-02', '1990-01-03', '1990-01-04']
    )
  })

  test('whose rejected rows are stored once the description has their words', async t => {
    const { folder, load, rejections, people: stored, restart, call } = await setUp(t)
    await writers.csv(path.join(folder, 'a.csv'), [line(1, { status: 'Entah' }), line(2)])
    await load('a.csv')
    assert.deepEqual(await rejections(), ['STATUS_UNKNOWN /columns/Status STR notListed'])
    const file = JSON.parse(await readFile(descriptionFile, 'utf8'))
    const other = path.join(folder, 'description.json')
    await writeFile(other, JSON.stringify({ ...file, tables: { statusWords: { Aktif: 'active', Entah: 'active' } } }))
    await restart({ KKI_FILE_DESCRIPTION: other })
    const { items } = (await call('GET', '/v1/rejections')).body as { items: { id: number }[] }
    const { status, body } = await call('POST', '/v1/rejections/reprocess', { ids: items.map(({ id }) => id) })
    assert.equal(status, 202, JSON.stringify(body))
    await waitForRun(id => call('GET', `/v1/runs/${id}`), (body as { runId: number }).runId)
    assert.deepEqual(
      (await stored()).map(({ str, at }) => [str, at]),
      [
        ['EQ00000000000001', asOf],
        ['EQ00000000000002', asOf]
      ]
    )
    const { items: after } = (await call('GET', '/v1/rejections')).body as { items: { state: string }[] }
    assert.deepEqual(
      after.map(({ state }) => state),
      ['cleared']
    )
  })

  test('with a wrong description is not started: one line has the file, the place and the expected value', async t => {
    const { folder, app, secretsDir, pool } = await setUp(t)
    const file = JSON.parse(await readFile(descriptionFile, 'utf8'))
    await writers.csv(path.join(folder, 'a.csv'), people)
    const wrong = path.join(folder, 'wrong.json')
    const { fields, dates } = file
    const cases: [unknown, RegExp][] = [
      [{ ...file, fields: { ...fields, nama: '/Nama' } }, /\/fields\/nama: /],
      [{ ...file, fields: { ...fields, name: undefined } }, /\/fields\/name: is required/],
      [{ ...file, fields: { ...fields, name: 'Nama Lengkap' } }, /\/fields\/name: /],
      [{ ...file, fields: { ...fields, nik: '/Nomor STR' } }, /\/fields\/nik: another field has the same column/],
      [{ ...file, file: { headerRow: 0 } }, /\/file\/headerRow: /],
      [
        { ...file, dates: { ...dates, formats: { ...dates.formats, birthDate: undefined } } },
        /\/dates\/formats\/birthDate: is required: the field is described/
      ],
      [
        { ...file, dates: { ...dates, formats: { ...dates.formats, changedAt: ['instant'] } } },
        /\/dates\/formats\/changedAt: has no effect: the field is not described/
      ],
      [{ ...file, tables: { statusWords: { Aktif: 'alive' } } }, /\/tables\/statusWords\/Aktif: /],
      ['{', /is not JSON/]
    ]
    const env = {
      SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
      SDMK_SECRETS_DIR: secretsDir,
      KKI_FILE_DESCRIPTION: wrong
    }
    for (const [content, message] of cases) {
      await writeFile(wrong, typeof content === 'string' ? content : JSON.stringify(content))
      await assert.rejects(loadFileDescription(wrong), (error: Error) => {
        assert.match(error.message, message)
        assert.ok(error.message.startsWith(`KKI_FILE_DESCRIPTION: ${wrong}`), error.message)
        return true
      })
    }
    const { code, stdout, stderr } = await runSdmk(
      ['sync', '--file', path.join(folder, 'a.csv'), '--as-of', '2026-11-01'],
      env
    )
    assert.deepEqual([code, stdout], [78, ''])
    assert.match(stderr, /^sdmk: KKI_FILE_DESCRIPTION: .*wrong\.json: is not JSON[^\n]*\n$/)
    assert.equal((await pool.query('select from kki.run')).rowCount, 0)
  })

  for (const moment of ['while it is read', 'while its batches are applied'] as const) {
    test(`is complete after a kill ${moment} and a repeated command`, async t => {
      const { folder, app, secretsDir, stop, pool } = await setUp(t)
      const env = {
        SDMK_DATABASE_URL: app.database.pool.options.connectionString ?? '',
        SDMK_SECRETS_DIR: secretsDir,
        SDMK_BATCH_ROWS: '1000'
      }
      await stop()
      const rows = Array.from({ length: 9000 }, (_, i) => line(i + 1, { name: `Orang ${letters(i)}` }))
      const file = path.join(folder, 'list.csv')
      await writers.csv(file, rows)
      const args = ['sync', '--file', file, '--as-of', '2026-11-01', '--json']
      const child = spawn(process.execPath, [sdmk, ...args], { env: environment(env), stdio: 'ignore' })
      const exited = once(child, 'exit')
      t.after(() => child.kill('SIGKILL'))
      await until('the command is at work', async () => {
        if (child.exitCode !== null) throw new Error('the command ended before it was killed')
        const { rowCount } = await pool.query(
          moment === 'while it is read'
            ? `select from pg_locks l join pg_stat_activity a using (pid) where l.relation = 'kki.staged_page'::regclass and a.datname = current_database()`
            : `select from kki.batch where state = 'applied' having count(*) between 1 and 8`
        )
        return rowCount === 1 || (moment === 'while it is read' && Number(rowCount) > 0)
      })
      child.kill('SIGKILL')
      await exited
      const left = await pool.query('select from kki.batch')
      if (moment === 'while it is read') assert.equal(left.rowCount, 0)
      else assert.equal(left.rowCount, 9)

      const { code, stdout, stderr } = await runSdmk(args, env)
      assert.equal(code, 0, stderr)
      const summary = JSON.parse(stdout)
      assert.deepEqual([summary.fetched, summary.rejected], [9000, 0])
      const { rows: counts } = await pool.query(
        `select (select count(*)::int from sdmk.health_worker) as people, (select count(*)::int from sdmk.registration) as registrations`
      )
      assert.deepEqual([counts[0].people, counts[0].registrations], [9000, 9000])
      // Whoever applies batches next ends those of the first run as well.
      const { rows: states } = await pool.query(
        `select run_id, state, count(*)::int as count from kki.batch group by 1, 2 order by 1, 2`
      )
      t.diagnostic(JSON.stringify(states))
      assert.ok(
        states.every(({ state }) => ['applied', 'staged', 'planned'].includes(state)),
        JSON.stringify(states)
      )
    })
  }
})
