import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, type TestContext, test } from 'node:test'
import pg from 'pg'
import type { Browser, Page } from 'playwright-core'
import { maxUploadBytes } from '../../sidecar/api/upload.ts'
import { dumpRegistry, temporaryFolder } from '../e2e/helpers.ts'
import { whyNoBrowser } from '../helpers/browser.ts'
import { councilColumns } from '../helpers/council-list.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { searchDatabase, searchFolder } from '../helpers/search.ts'
import { serverUrl, urlOf } from '../helpers/server.ts'
import { writeRawXlsx } from '../helpers/xlsx.ts'
import { callAs, open, signIn, startBrowser } from './helpers/browser.ts'
import { type Operations, type Operator, startOperations } from './helpers/operators.ts'

const { odoo, skip: noOdoo } = await odooOrReason()
const skip = noOdoo || (await whyNoBrowser())
const database = 'sdmk_odoo_council_file'
const kki = 'sdmk_integration_kki'
/** Of invented people; the second as a spreadsheet keeps it that takes it for a number. */
const niks = ['3273015508850017', '3273015708850012', '3273015608850019']

describe('a file of KKI in Odoo', { skip, timeout: 1_800_000 }, () => {
  let operations: Operations
  let browser: Browser
  let folder: string
  let theirs: pg.Pool
  const pages = new Map<Operator, Page>()
  const hooks: (() => unknown)[] = []

  before(async () => {
    if (!odoo) return
    const t = { after: (hook: () => unknown) => void hooks.push(hook) } as unknown as TestContext
    operations = await startOperations(t, odoo, { database })
    folder = await temporaryFolder(t)
    theirs = new pg.Pool({ connectionString: urlOf(await serverUrl(), database), max: 2 })
    theirs.on('error', () => {})
    browser = await startBrowser()
  })
  after(async () => {
    await browser?.close()
    await theirs?.end()
    for (const hook of hooks) await hook()
    await odoo?.close()
  })

  afterEach(async t => {
    if ((t as { passed?: boolean }).passed) return
    for (const [who, page] of pages) {
      const file = path.join(tmpdir(), `sdmk-council-file-${who}.png`)
      await page.screenshot({ path: file })
      console.log(`${who} sees ${page.url()}: ${file}`)
    }
  })

  async function as(who: Operator): Promise<Page> {
    const page = pages.get(who) ?? (await signIn(browser, operations, who))
    pages.set(who, page)
    return page
  }

  /** Chooses a file in the dialog, and sends it. */
  async function load(page: Page, file: string, asOf = '01/11/2026'): Promise<void> {
    if ((await page.locator('#sdmk_file').count()) === 0) {
      await open(page, `${kki}.sdmk_batch_action`)
      await page.click('.o_control_panel button:has-text("Muat Berkas")')
    }
    await page.setInputFiles('#sdmk_file', file)
    await page.fill('#sdmk_file_as_of', asOf)
    await page.click('.modal button:has-text("Muat")')
  }

  /** Waits for the only batch of the run that is shown, and returns its counts as they stand there. */
  async function batchOf(page: Page, run: number): Promise<Record<string, string>> {
    await page.locator('.o_breadcrumb').getByText(`Sinkronisasi ${run}`, { exact: true }).first().waitFor()
    await page.locator('.o_data_row [name=state]').getByText('Diterapkan').first().waitFor()
    assert.equal(await page.locator('.o_data_row').count(), 1)
    const cells = ['kind', 'fetched', 'created', 'rejected'].map(async name => [
      name,
      (await page.locator(`.o_data_row .o_data_cell[name=${name}]`).textContent())?.trim() ?? ''
    ])
    return Object.fromEntries(await Promise.all(cells))
  }

  test('an administrator loads a workbook, and sees the outcome of each row', { skip }, async () => {
    const file = path.join(folder, 'konsil.xlsx')
    await writeWorkbook(file)
    const page = await as('adminInIndonesian')
    await load(page, file)
    assert.deepEqual(await batchOf(page, 1), { kind: 'Berkas dari KKI', fetched: '2', created: '1', rejected: '1' })
    const { rows } = await operations.connector.pool.query(
      `select r.triggered_by, r.actor, r.request_id, e.detail ->> 'asOf' as as_of from kki.run r
      join kki.audit_event e on e.run_id = r.id and e.action = 'run.created'
      where r.mode = 'file'`
    )
    const [{ request_id: requestId, ...run }] = rows
    assert.deepEqual(run, { triggered_by: 'operator', actor: 'budi', as_of: '2026-10-31T17:00:00.000Z' })
    assert.match(requestId, /^odoo-[0-9a-f-]{36}$/)

    await page.click('.o_data_row .o_data_cell')
    await page.click('.nav-link:has-text("Data Ditolak")')
    const rejected = page.locator('.o_field_widget[name=rejection_ids] .o_data_row')
    await rejected.getByText('NIK tidak dapat dipakai').first().waitFor()
    await rejected.locator('.o_data_cell').first().click()
    await page.locator('.o_sdmk_rejection_detail').getByText('Orang Bulat').first().waitFor()
    await page.getByText('lembar kerja').first().waitFor()
  })

  test('the same file again changes nothing', { skip }, async () => {
    const { pool } = operations.connector
    const before = await dumpRegistry(pool)
    const page = await as('adminInIndonesian')
    await load(page, path.join(folder, 'konsil.xlsx'))
    assert.deepEqual(await batchOf(page, 2), { kind: 'Berkas dari KKI', fetched: '2', created: '0', rejected: '1' })
    assert.deepEqual(await dumpRegistry(pool), before)
  })

  test('a file that cannot be used is reported with its cause, and starts no run', { skip }, async () => {
    const page = await as('adminInIndonesian')
    await open(page, `${kki}.sdmk_batch_action`)
    const files: [name: string, content: string | Buffer, cause: RegExp][] = [
      ['tanpa-status.csv', csv.replace('Status STR', 'Keadaan'), /baris 1, yang tidak memuat "Status STR"/],
      ['putus.csv', `${csv}2;EQ00000000000002\r\n`, /Baris 3: ada 2 nilai, sedangkan tajuk memuat 13 kolom/],
      ['foto.xlsx', Buffer.from('ffd8ffe000104a46494600', 'hex'), /Berkas: bukan berkas \.xlsx/],
      ['kosong.xlsx', '', /Berkas ini kosong/],
      ['lama.xls', 'x', /harus berakhir dengan \.xlsx, \.csv, atau \.jsonl/]
    ]
    for (const [name, content, cause] of files) {
      await writeFile(path.join(folder, name), content)
      await load(page, path.join(folder, name))
      const told = page.locator('.modal', { hasText: cause })
      await told.waitFor()
      assert.doesNotMatch(await told.innerText(), /Orang|3273/, name)
      await told.locator('button.btn-primary').click()
      await told.waitFor({ state: 'detached' })
    }
    await load(page, path.join(folder, 'konsil.xlsx'), '')
    const told = page.locator('.modal', { hasText: /Belum benar: Tanggal Berkas/ })
    await told.waitFor()
    await told.locator('button.btn-primary').click()
    await told.waitFor({ state: 'detached' })

    const large = path.join(folder, 'besar.csv')
    await writeFile(large, '')
    await truncate(large, maxUploadBytes + 1)
    await page.setInputFiles('#sdmk_file', large)
    await page.locator('.o_sdmk_file_fault', { hasText: 'lebih dari 64 MB' }).waitFor()
    assert.ok(await page.locator('.modal button:has-text("Muat")').isDisabled())
    const largest = path.join(folder, 'pas.csv')
    await writeFile(largest, '')
    await truncate(largest, maxUploadBytes)
    await page.setInputFiles('#sdmk_file', largest)
    await page.locator('.o_sdmk_file_fault').waitFor({ state: 'detached' })
    await page.click('.modal button:has-text("Batal")')
    await page.locator('.modal').waitFor({ state: 'detached' })
    const { rows } = await operations.connector.pool.query('select count(*)::int as runs from kki.run')
    assert.deepEqual(rows, [{ runs: 2 }])
  })

  test('a file that changed after it was chosen must be chosen again, and is then accepted', { skip }, async () => {
    const page = await as('adminInIndonesian')
    const file = path.join(folder, 'diperbaiki.csv')
    await writeFile(file, csv.replace('Status STR', 'Keadaan'))
    await load(page, file)
    await page
      .locator('.modal', { hasText: /tidak memuat "Status STR"/ })
      .locator('button.btn-primary')
      .last()
      .click()
    await writeFile(file, `${csv}\r\n`)
    await page.locator('.modal footer button:has-text("Muat")').click()
    await page.locator('.o_sdmk_file_fault', { hasText: 'Berkas berubah' }).waitFor()
    const chooser = page.waitForEvent('filechooser')
    await page.click('.modal label:has-text("Pilih Berkas")')
    await (await chooser).setFiles(file)
    await page.locator('.o_sdmk_file_fault').waitFor({ state: 'detached' })
    await page.selectOption('#sdmk_file_apply', 'hold')
    await page.locator('.modal footer button:has-text("Muat")').click()
    await page.locator('.o_data_row [name=state]').getByText('Ditahan').first().waitFor()
  })

  test('a file without an answer of Odoo is reported, and can be sent again', { skip }, async () => {
    const page = await as('adminInIndonesian')
    await open(page, `${kki}.sdmk_batch_action`)
    await page.route('**/sdmk/council_file', route => route.fulfill({ status: 413, body: '<html>too large</html>' }))
    await load(page, path.join(folder, 'konsil.xlsx'))
    await page.locator('.o_sdmk_file_fault', { hasText: 'Odoo tidak menjawab' }).waitFor()
    await page.unroute('**/sdmk/council_file')
    await page.locator('.modal footer button:has-text("Muat")').click()
    assert.equal((await batchOf(page, 4)).created, '0')
  })

  for (const who of ['auditor', 'verifier'] as const) {
    test(`the ${who} has no button, and every request of theirs is denied`, { skip }, async () => {
      const page = await as(who)
      for (const screen of [`${kki}.sdmk_batch_action`, 'sdmk_integration_manager.sdmk_integration_action']) {
        await open(page, screen)
        await page.waitForTimeout(1000)
        assert.equal(await page.getByText('Load a File').count(), 0)
      }
      const answer = await page.evaluate(`(async () => {
        const body = new FormData()
        body.append('csrf_token', odoo.csrf_token)
        body.append('file', new File(['x'], 'a.csv'))
        const response = await fetch('/sdmk/council_file', { method: 'POST', body })
        return (await response.json()).error?.name
      })()`)
      assert.equal(answer, 'odoo.exceptions.AccessError')
      const sign = [['administrator', 'POST', '/v1/runs/file']]
      assert.ok(await callAs(page, 'sdmk.sidecar', '_command', sign))
    })
  }

  test('nothing of a file stays in Odoo', { skip }, async () => {
    await operations.settle()
    const held = await operations.connector.pool.query(`select 1 from kki.batch where state = 'held'`)
    assert.equal(held.rowCount, 1)
    const found = [...(await searchDatabase(theirs, niks)), ...(await searchFolder(odoo?.folder as string, niks))]
    assert.deepEqual([...new Set(found.map(({ where, how }) => `${where} (${how})`))], [])
    // A search cannot find numbers in a compressed workbook, so attachments are compared by the digest of their bytes.
    const bytes = await readFile(path.join(folder, 'konsil.xlsx'))
    const { rows } = await theirs.query<{ same: number; all: number }>(
      `select count(*) filter (where checksum = $1)::int as same, count(*)::int as all from ir_attachment`,
      [createHash('sha1').update(bytes).digest('hex')]
    )
    assert.equal(rows[0]?.same, 0)
    assert.ok(Number(rows[0]?.all) > 0)
  })
})

const csv = [
  councilColumns.join(';'),
  `EQ00000000000003;${niks[2]};Orang Teks;;;Bogor;16-08-1985;P;Dokter;;Aktif;01-02-2024;Seumur Hidup`,
  ''
].join('\r\n')

/** Writes a list as councils do: with a title, a header of two rows, a good row, and one whose NIK is a number. */
async function writeWorkbook(file: string): Promise<void> {
  const text = (...cells: string[]) => cells.map(cell => `<c t="inlineStr"><is><t>${cell}</t></is></c>`).join('')
  const person = (row: number, str: string, nik: string, name: string, born: string) =>
    `<row r="${row}">${text(String(row), str)}${nik}${text(name, '', '', 'Bandung', born, 'P', 'Dokter', '', 'Aktif', '01-02-2024', 'Seumur Hidup')}</row>`
  const heading = (cell: string, title: string) => `<c r="${cell}" t="inlineStr"><is><t>${title}</t></is></c>`
  await writeRawXlsx(file, {
    sheet: `<row r="1">${text('DAFTAR TENAGA KESEHATAN')}</row>
      <row r="3">${heading('A3', 'No')}${heading('B3', 'Identitas')}${heading('G3', 'Kelahiran')}${heading('I3', 'Jenis Kelamin')}${heading('J3', 'Registrasi')}</row>
      <row r="4">${councilColumns.map((column, i) => (i === 7 ? '' : heading(`${String.fromCharCode(66 + i)}4`, column))).join('')}</row>
      ${person(5, 'EQ00000000000001', text(niks[0] as string), 'Orang Utuh', '15-08-1985')}
      ${person(6, 'EQ00000000000002', '<c><v>3.27301570885001E+15</v></c>', 'Orang Bulat', '17-08-1985')}`,
    after: '<mergeCells count="3"><mergeCell ref="B3:F3"/><mergeCell ref="G3:H3"/><mergeCell ref="J3:N3"/></mergeCells>'
  })
}
