import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { temporaryFolder } from '../e2e/helpers.ts'
import { environment } from '../e2e/process.ts'
import { councilColumns } from '../helpers/council-list.ts'
import { type RawWorkbook, writeRawXlsx } from '../helpers/xlsx.ts'

const run = promisify(execFile)

/** Reads a file as `sdmk sync` does, in a process whose heap has 96 MB. Prints the error, and the most memory that it had. */
const script = `
  import { open } from 'node:fs/promises'
  import { nothingPassedOver, readRows } from './sidecar/import/read-rows.ts'
  import { loadFileDescription } from './sidecar/source/load-file-description.ts'
  const description = await loadFileDescription('contracts/sources/council-spreadsheet.json')
  const file = await open(process.argv[1])
  let rows = 0
  try {
    for await (const _ of readRows(file, { format: 'xlsx', description, passedOver: nothingPassedOver() })) rows++
    console.log(JSON.stringify({ rows, mb: process.resourceUsage().maxRSS / 1024 }))
  } catch (error) {
    console.log(JSON.stringify({ kind: error.constructor.name, error: error.message, mb: process.resourceUsage().maxRSS / 1024 }))
  }
`

async function read(
  t: TestContext,
  file: string
): Promise<{ kind?: string; error?: string; rows?: number; mb: number }> {
  const args = ['--max-old-space-size=96', '--input-type=module-typescript', '--eval', script, '--', file]
  const { stdout } = await run(process.execPath, args, { env: environment({}), timeout: 600_000 })
  const result = JSON.parse(stdout)
  t.diagnostic(`${(await stat(file)).size} bytes: ${stdout}`)
  return result
}

function* repeat(text: string, bytes: number, first = '', last = ''): Generator<string> {
  yield first
  const block = text.repeat(Math.ceil(65_536 / text.length))
  for (let done = 0; done < bytes; done += block.length) yield block
  yield last
}

const headerRow = `<row>${councilColumns.map(name => `<c t="inlineStr"><is><t>${name}</t></is></c>`).join('')}</row>`
const mb = 1_000_000

describe('a small workbook that unpacks to a large one', () => {
  const tooLarge = /^unpacks to far more than a list has; save the sheet as CSV$/
  const kinds: Record<string, { workbook: RawWorkbook; error: RegExp }> = {
    'of empty rows': { workbook: { sheet: repeat('<row/>', 400 * mb, headerRow) }, error: tooLarge },
    'of rows above the header': {
      workbook: { sheet: repeat('<row><c><v>1</v></c></row>', 50 * mb) },
      error: /none of the first 50 rows/
    },
    'of one value': {
      workbook: { sheet: repeat('1', 50 * mb, `${headerRow}<row><c><v>`, '</v></c></row>') },
      error: /^has a value of more than 1048576 characters$/
    },
    'of one text in a thousand pieces': {
      workbook: { sheet: headerRow, texts: ['<r><t>x</t></r>'.repeat(3_000_000)] },
      error: /^has a value of more than 1048576 characters$/
    },
    'of elements within each other': {
      workbook: { sheet: repeat('<a>', 50 * mb) },
      error: /100 elements within each other/
    },
    'of one long row': {
      workbook: {
        sheet: `<row>${`<c t="s"><v>0</v></c>`.repeat(2000)}</row>`,
        texts: [`<t>${'x'.repeat(1_000_000)}</t>`]
      },
      error: /^is longer than 1048576 characters$/
    },
    'of texts': { workbook: { sheet: headerRow, texts: repeat('<t>x</t></si><si>', 400 * mb) }, error: tooLarge }
  }
  for (const [what, { workbook, error }] of Object.entries(kinds)) {
    test(`${what} ends with an error and needs little memory`, async t => {
      const file = path.join(await temporaryFolder(t), 'bomb.xlsx')
      await writeRawXlsx(file, workbook)
      assert.ok((await stat(file)).size < 2 * mb)
      const result = await read(t, file)
      assert.equal(result.kind?.replace('HeaderMissing', 'FileFault'), 'FileFault')
      assert.match(result.error ?? '', error)
      assert.ok(result.mb < 320, `${result.mb} MB`)
    })
  }

  test('is detected by its declared sizes, and by its real ones if they are larger', async t => {
    const file = path.join(await temporaryFolder(t), 'bomb.xlsx')
    await writeRawXlsx(file, { sheet: repeat('<row/>', 200 * mb, headerRow) })
    await pretendSize(file, 4_000 * mb)
    assert.match((await read(t, file)).error ?? '', tooLarge)
    await pretendSize(file, 1000)
    const { error, mb: used } = await read(t, file)
    assert.equal(error, 'is damaged: a part cannot be unpacked')
    assert.ok(used < 320, `${used} MB`)
  })

  test('a file of a usual size is read in the same memory', async t => {
    const file = path.join(await temporaryFolder(t), 'list.xlsx')
    const person = councilColumns.map(name => `<c t="inlineStr"><is><t>${name} 1</t></is></c>`).join('')
    await writeRawXlsx(file, { sheet: `${headerRow}${`<row>${person}</row>`.repeat(20_000)}` })
    const { rows, mb: used } = await read(t, file)
    assert.equal(rows, 20_000)
    assert.ok(used < 320, `${used} MB`)
  })
})

/** Changes the unpacked size of the sheet in the directory of an archive. */
async function pretendSize(file: string, size: number): Promise<void> {
  const bytes = await readFile(file)
  const entry = bytes.lastIndexOf('PK\x01\x02', bytes.lastIndexOf('xl/worksheets/sheet1.xml'))
  bytes.writeUInt32LE(size, entry + 24)
  await writeFile(file, bytes)
}
