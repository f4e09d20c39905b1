import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { type FileOptions, readRecords } from '../../sidecar/import/read-file.ts'
import { temporaryFolder } from '../e2e/helpers.ts'

/** Returns a function that reads a file of these bytes, and the same for a file that must be rejected. */
async function setUp(t: TestContext) {
  const folder = await temporaryFolder(t)
  const read = async (content: string | Buffer, name = 'people.csv', options: FileOptions = {}) => {
    const file = path.join(folder, name)
    await writeFile(file, content)
    return Array.fromAsync(readRecords(file, options))
  }
  const rejects = async (content: string | Buffer, message: RegExp, name = 'people.csv', options: FileOptions = {}) => {
    await assert.rejects(
      async () => read(content, name, options),
      (error: Error & { code: string }) => {
        assert.equal(error.code, 'IMPORT_FILE_INVALID')
        assert.match(error.message, message)
        assert.ok(error.message.startsWith(path.join(folder, name)), error.message)
        assert.doesNotMatch(error.message, /null|undefined|NaN/)
        return true
      }
    )
  }
  return { folder, read, rejects }
}

const names = (records: unknown[]) => records.map(record => (record as { nama: string }).nama)
const niks = (records: unknown[]) => records.map(record => (record as { nik: string }).nik)
/** Invented people whose names Windows-1252 writes with bytes above 127. */
const accented = 'nik,nama\r\n3273015708850011,José Andréas\r\n3273015708850012,Nur’aini Salim\r\n'
const windows1252 = (text: string) => Buffer.from(text.replaceAll('’', '\u0092'), 'latin1')

test('a file that is not UTF-8 is rejected with line, place and a suggestion', async t => {
  const { rejects } = await setUp(t)
  const offer = /line 2, character 21: is not UTF-8; save the file as UTF-8, or .* such as windows-1252; nothing was/
  await rejects(windows1252(accented), offer)
  await rejects(windows1252('{"nama":"Rini"}\n{"nama":"René"}\n'), /line 2, character 13: is not UTF-8/, 'people.jsonl')
  // A character that the end of the file cuts off.
  await rejects(Buffer.from(accented).subarray(0, 31), /line 2, character 21: is not UTF-8/)
  for (const damaged of ['c0af', 'eda080', 'f5808080', '80']) {
    const bytes = Buffer.concat([Buffer.from('nama\nAni '), Buffer.from(damaged, 'hex'), Buffer.from('\n')])
    await rejects(bytes, /line 2, character 5: is not UTF-8/)
  }
})

test('an invalid byte is found at its line, however the file is cut into pieces', async t => {
  const { rejects } = await setUp(t)
  const rows = Array.from({ length: 6000 }, (_, i) => `327301570885${String(i).padStart(4, '0')},Orang José ${i}`)
  for (const lineBreak of ['\n', '\r\n', '\r']) {
    const text = Buffer.from(['nik,nama', ...rows].join(lineBreak))
    const bad = Buffer.concat([text, Buffer.from(lineBreak), Buffer.from('1,Jos\xe9\n', 'latin1')])
    await rejects(bad, /line 6002, character 6: is not UTF-8/)
  }
})

test('a file of another encoding is read if the encoding is named', async t => {
  const { read, rejects } = await setUp(t)
  for (const encoding of ['windows-1252', 'latin1', 'CP1252']) {
    assert.deepEqual(names(await read(windows1252(accented), 'people.csv', { encoding })), [
      'José Andréas',
      'Nur’aini Salim'
    ])
  }
  // 0x81 means nothing in Windows-1252: the file is of another encoding.
  const gap = Buffer.from('nama\nAni\x81\n', 'latin1')
  await rejects(gap, /line 2, character 4: is not WINDOWS-1252/, 'people.csv', { encoding: 'windows-1252' })
  await rejects(windows1252(accented), /is not EUC-KR/, 'people.csv', { encoding: 'euc-kr' })
  // Read as Windows-1252 it would be "JosÃ©", for good.
  const options = { encoding: 'windows-1252' }
  await rejects(
    Buffer.from(accented),
    /line 2: is UTF-8, and not WINDOWS-1252; name the encoding utf-8/,
    'people.csv',
    options
  )
  assert.deepEqual(names(await read('nama\nAni\n', 'people.csv', options)), ['Ani'])
})

test('a byte order mark decides the encoding, and is not part of the text', async t => {
  const { read } = await setUp(t)
  const tabbed = accented.replaceAll(',', '\t')
  for (const file of [
    Buffer.from(`\ufeff${tabbed}`),
    Buffer.from(`\ufeff${tabbed}`, 'utf16le'),
    Buffer.from(`\ufeff${tabbed}`, 'utf16le').swap16()
  ]) {
    // Excel's name for its "Unicode text" format.
    assert.deepEqual(names(await read(file, 'people.txt')), ['José Andréas', 'Nur’aini Salim'])
    assert.deepEqual((await read(file, 'people.csv', { encoding: 'windows-1252' })).length, 2)
  }
  assert.deepEqual(await read('\ufeff{"nama":"Ani"}\n', 'people.jsonl'), [{ nama: 'Ani' }])
})

test('a file that is not text is rejected', async t => {
  const { folder, rejects } = await setUp(t)
  const nul = /line 1, character 1: is the character NUL/
  await rejects(Buffer.alloc(5000), nul)
  await rejects(Buffer.alloc(5000), nul, 'people.jsonl')
  await rejects(Buffer.from(accented, 'utf16le'), /line 1, character 2: .*NUL.* encoding, such as utf-16le/)
  await rejects('nama\nAni\n\0\0\0\0', /line 3, character 1: is the character NUL/)
  await rejects(Buffer.from('504b0304ffd8', 'hex'), /line 1, character 5: is not UTF-8/)
  await rejects('nama\nAni\n', /its name ends with none of .*save the sheet as CSV UTF-8/, 'people.xlsx')
  const missing = path.join(folder, 'missing.csv')
  await assert.rejects(Array.fromAsync(readRecords(missing)), {
    message: `${missing}: does not exist; nothing was imported`
  })
  await assert.rejects(Array.fromAsync(readRecords(folder, { format: 'csv' })), /is a folder; nothing was imported/)
})

test('a file without records is rejected', async t => {
  const { rejects } = await setUp(t)
  for (const text of ['', '\n', '\ufeff', 'nik,nama\n', 'nik,nama', 'sep=;\nnik;nama\n;\n', ' \r\n\r\n']) {
    await rejects(text, /holds no records/)
    if (!text.includes('nama')) await rejects(text, /holds no records/, 'people.jsonl')
  }
})

test('the header decides the delimiter of the whole file', async t => {
  const { read } = await setUp(t)
  for (const delimiter of [',', ';', '\t', '|']) {
    const others = [',', ';', '\t', '|'].filter(other => other !== delimiter).join('')
    const row = ['3273015708850001', `Siti Aminah${others} S.Kep.`, 'Bandung'].join(delimiter)
    const header = ['nik', 'nama', 'tempat_lahir'].join(delimiter)
    const [record] = await read(`${header}\r\n${row}\r\n`)
    assert.deepEqual(record, { nik: '3273015708850001', nama: `Siti Aminah${others} S.Kep.`, tempat_lahir: 'Bandung' })
    assert.deepEqual(await read(`sep=${delimiter}\r\n${header}\r\n${row}\r\n`), [record])
  }
  assert.deepEqual(await read('nama\nAni\n'), [{ nama: 'Ani' }])
})

test('line breaks of every system are read, even if they are mixed', async t => {
  const { read } = await setUp(t)
  const lines = ['nik,nama', '3273015708850041,Orang Alfa', '3273015708850042,Orang Beta', '3273015708850043,"A\nB"']
  const lineBreak = fc.constantFrom('\r\n', '\n', '\r')
  await fc.assert(
    fc.asyncProperty(fc.array(lineBreak, { minLength: 4, maxLength: 4 }), fc.boolean(), async (breaks, isEnded) => {
      const text = lines.map((line, i) => line + (i < 3 || isEnded ? breaks[i] : '')).join('')
      assert.deepEqual(niks(await read(text)), ['3273015708850041', '3273015708850042', '3273015708850043'])
    }),
    { numRuns: 50 }
  )
})

test('only a line feed ends a JSON line', async t => {
  const { read } = await setUp(t)
  const people = [
    { nama: 'Rina\u2028Wulandari' },
    { nama: 'Dewi Kusuma', institusi_pendidikan: 'Poltekkes\u2029Bandung' },
    { nama: 'Joko\u0085Susilo\u000b\u000c' }
  ]
  const text = people.map(person => JSON.stringify(person)).join('\r\n')
  assert.deepEqual(await read(`${text}\r\n\r\n`, 'people.jsonl'), people)
  assert.deepEqual(await read(text, 'people.ndjson'), people)
  const pieces = Array.from({ length: 3000 }, (_, i) => ({ nama: `Orang ${i} é`, nik: '3273015708850041' }))
  assert.deepEqual(await read(pieces.map(piece => JSON.stringify(piece)).join('\n'), 'people.jsonl'), pieces)
})

test('an endless line is rejected with its number', async t => {
  const { rejects } = await setUp(t)
  const long = 'x'.repeat(1_200_000)
  await rejects(`{}\n{"nama":"${long}"}\n`, /line 2: is longer than 1048576 characters/, 'people.jsonl')
  await rejects(`nama\nAni\n${long}\n`, /line 3: a record that begins here is longer than 1048576/)
  await rejects(`${long}`, /line 1: is longer than 1048576/)
  await rejects(`nama\nAni\n"Budi\n${'Cici\n'.repeat(300_000)}`, /line 3: .* a quote may not be closed/)
})

test('an unclosed quote never merges two people', async t => {
  const { read, rejects } = await setUp(t)
  await rejects(
    'nama,nik\nEko,3171014101900030\n"Ani,3171014101900031\n',
    /line 3: a quote that opens here is not closed/
  )
  const two = 'nama,nik\n"Ani,3171014101900031\n"Budi",3171014101900032\n'
  await rejects(two, /line 2, column "nama": a quote that opens here is not closed/)
  const quotes = 'nama,gelar_belakang\nSiti "Ati" Aminah,S.Kep\n"Siti ""Ati"" Aminah","S.Kep., Ners"\n'
  assert.deepEqual(await read(quotes), [
    { nama: 'Siti "Ati" Aminah', gelar_belakang: 'S.Kep' },
    { nama: 'Siti "Ati" Aminah', gelar_belakang: 'S.Kep., Ners' }
  ])
  assert.deepEqual(names(await read('nama,nik\r\n"Siti\r\nAminah",1\r\n')), ['Siti\nAminah'])
})

test('lines are counted as an editor counts them, also after values of several lines', async t => {
  const { rejects } = await setUp(t)
  await rejects('nama,nik\r\n"A\r\nB\r\nC",1\r\n\r\nEko,1,2\r\n', /line 6, column 3: has a value without a column/)
  await rejects('sep=,\r\n\r\nnama,nik\r\nEko\r\n', /line 4: has 1 value, and the header has 2 columns/)
})

test('a header may have other letter case, blanks, any order, and empty columns', async t => {
  const { read, rejects } = await setUp(t)
  const [record] = await read(' Tempat Lahir ;"NAMA";\u00a0Nik;;\nBandung;Ani;3171014101900031;;\n;;;;\n\n')
  assert.deepEqual(record, { tempat_lahir: 'Bandung', nama: 'Ani', nik: '3171014101900031' })
  await rejects('nik,name\n1,2\n', /line 1, column 2: the header names a column that is none of nik, nama/)
  await rejects('nik,gelar_depan\n1,2\n', /line 1: the header has no column "nama"/)
  await rejects('nama,nik,Nama\na,1,b\n', /line 1, column 3: the header names "nama" a second time/)
  await rejects('nama,nik,\nAni,1,x\n', /line 2, column 3: has a value without a column/)
  const [file, person] = ['3171014101900031,Siti Aminah\n', /Siti/]
  await rejects(file, /line 1, column 1: the header names a column/)
  await assert.rejects(read(file), (error: Error) => !person.test(error.message))
})

test('digits in spreadsheet notation are read as digits, and blanks of every kind are trimmed', async t => {
  const { read } = await setUp(t)
  const cells = ['="3273015708850001"', '"=""3273015708850001"""', "'3273015708850001", '\u00a03273015708850001\t ']
  const text = `nik,nama,tahun_lulus\n${cells.map(cell => `${cell},'Aisyah, 2012 \n`.replace(', 2012', ',="2012"')).join('')}`
  for (const record of await read(text)) {
    assert.deepEqual(record, { nik: '3273015708850001', nama: "'Aisyah", tahun_lulus: 2012 })
  }
})

test('a file whose every NIK a spreadsheet has rounded is rejected', async t => {
  const { read, rejects } = await setUp(t)
  const rows = (end: (i: number) => string) =>
    Array.from({ length: 12 }, (_, i) => `327301570885${String(i).padStart(3, '0')}${end(i)},Orang ${i}\n`).join('')
  await rejects(`nik,nama\n${rows(() => '0')}`, /column "nik": every NIK ends with 0: a spreadsheet has rounded them/)
  assert.equal((await read(`nik,nama\n${rows(i => String(i % 2))}`)).length, 12)
})

test('memory does not grow with the file', async t => {
  const { folder } = await setUp(t)
  const file = path.join(folder, 'many.csv')
  const row = '3273015708850001;"Siti Aminah, S.Kep.";Bandung;17-08-1985;P\r\n'
  await writeFile(file, `nik;nama;tempat_lahir;tanggal_lahir;jenis_kelamin\r\n${row.repeat(300_000)}`)
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  let count = 0
  let early = 0
  let most = 0
  for await (const _record of readRecords(file)) {
    if (count++ % 5_000 !== 0) continue
    // Garbage is collected first, because its own time depends on the machine.
    collect()
    const { heapUsed, external } = process.memoryUsage()
    most = Math.max(most, heapUsed + external)
    // By then the code is compiled and the buffers are full.
    if (count < 30_000) early = most
  }
  assert.equal(count, 300_000)
  // The file has 19 MiB, and its records in memory would take ten times as much.
  assert.ok(most - early < 10 * 2 ** 20, `${early} bytes early, ${most} bytes later`)
})
