import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { inject, kkiRecord } from '../e2e/helpers.ts'
import { whyNoBrowser } from '../helpers/browser.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { open, signIn, startBrowser } from './helpers/browser.ts'
import { type Operations, type Operator, startOperations } from './helpers/operators.ts'

const { odoo, skip: noOdoo } = await odooOrReason()
const skip = noOdoo || (await whyNoBrowser())
const database = 'sdmk_odoo_batches'
const auditEvents = 'sdmk_integration_manager.sdmk_audit_event_action'
const narrow = { width: 390, height: 844 }

describe('a held batch and its audit in Odoo', { skip, timeout: 1_800_000 }, () => {
  let operations: Operations
  let browser: Browser
  let held: BatchBody
  const pages = new Map<string, Page>()
  const hooks: (() => unknown)[] = []
  const records = Array.from({ length: 40 }, () => kkiRecord())

  before(async () => {
    if (!odoo) return
    const t = { after: (hook: () => unknown) => void hooks.push(hook) } as unknown as TestContext
    operations = await startOperations(t, odoo, { database })
    held = await fillBatches()
    browser = await startBrowser()
  })
  after(async () => {
    await browser?.close()
    for (const hook of hooks) await hook()
    await odoo?.close()
  })

  afterEach(async t => {
    if ((t as { passed?: boolean }).passed) return
    for (const [who, page] of pages) {
      const file = path.join(tmpdir(), `sdmk-batches-${who}.png`)
      await page.screenshot({ path: file })
      console.log(`${who} sees ${page.url()}: ${file}`)
    }
  })

  /** A batch that waits: 25 licences end, 5 names and 2 provinces change, 5 rows differ by a stamp, 2 have no name. */
  async function fillBatches(): Promise<BatchBody> {
    const { connector, settle } = operations
    const { simulator } = connector
    const ago = (minutes: number) => new Date(simulator.now() - minutes * 60_000).toISOString()
    await inject(
      simulator,
      records.map((record, i) => ({ id: `${i}`, record: { ...record, diubah_pada: ago(300) } }))
    )
    assert.equal((await connector.run({})).state, 'applied')
    const change = (from: number, to: number, given: (record: Record<string, unknown>) => object) =>
      records
        .slice(from, to)
        .map((record, i) => ({ id: `${from + i}`, record: { ...record, ...given(record), diubah_pada: ago(100) } }))
    await inject(simulator, [
      ...change(0, 5, () => ({})),
      ...change(5, 7, () => ({ provinsi: 'Bali' })),
      ...change(7, 12, ({ nama }) => ({ nama: `${nama} Baru` })),
      ...change(12, 37, () => ({ status_str: 'DICABUT' })),
      { record: kkiRecord({ nama: '-', diubah_pada: ago(100) }) },
      { record: kkiRecord({ nama: '-', profesi: 'PERAWAT', diubah_pada: ago(100) }) }
    ])
    const run = await connector.run({})
    assert.equal(run.state, 'held')
    await settle()
    return run.batches[0] as BatchBody
  }

  async function as(who: Operator, size?: { width: number; height: number }): Promise<Page> {
    const key = `${who}${size?.width ?? ''}`
    const page = pages.get(key) ?? (await signIn(browser, operations, who, size))
    pages.set(key, page)
    return page
  }

  async function showBatch(page: Page, id = held.id): Promise<void> {
    await page.goto(`/odoo/sdmk.batch/${id}`)
    await page.waitForSelector('.o_sdmk_changes .o_sdmk_rows tbody tr')
  }

  const cells = (page: Page, selector: string) =>
    page.locator(selector).evaluateAll(rows => rows.map(row => [...row.children].map(cell => cell.textContent?.trim())))

  /** No element may be wider than the window: tables scroll separately. */
  async function assertFits(page: Page): Promise<void> {
    const { scroll, width } = await page.evaluate<{ scroll: number; width: number }>(
      `({ scroll: document.scrollingElement.scrollWidth, width: innerWidth })`
    )
    assert.ok(scroll <= width, `the page is ${scroll} px wide in a window of ${width} px`)
  }

  for (const [who, size, words] of [
    ['auditor', undefined, { limit: 'Numbers Above the Limit', only: 'Only an integration administrator can apply' }],
    ['verifierInIndonesian', narrow, { limit: 'Angka yang Melewati Batas', only: 'Hanya admin integrasi' }]
  ] as const) {
    test(`a held batch says to ${who} why it is on hold, by which numbers, and who may decide`, { skip }, async () => {
      const page = await as(who, size)
      await showBatch(page)
      await page.getByText(words.limit).waitFor()
      const numbers = (await cells(page, '.o_sdmk_excesses tbody tr')).map(row => row.slice(2))
      assert.deepEqual(numbers, [
        ['25', '20'],
        ['25', '20']
      ])
      await page.getByText(words.only).waitFor()
      assert.equal(await page.locator('.o_form_statusbar button[name=action_apply]:visible').count(), 0)
      // The reason is not cut, and no empty rows push down what follows.
      const list = page.locator('.o_sdmk_code_list')
      const cut = await list
        .locator('.o_data_cell')
        .evaluateAll(boxes => boxes.filter(box => box.scrollWidth > box.clientWidth).map(box => box.textContent))
      assert.deepEqual(cut, [])
      assert.equal(await list.locator('tbody tr:visible').count(), 1)
      if (size) await assertFits(page)
    })
  }

  test('the harmful changes come first, each field with the value before and after', { skip }, async () => {
    const page = await as('admin')
    await showBatch(page)
    const all = await cells(page, '.o_sdmk_rows tbody tr')
    assert.equal(all.length, 32)
    const rows = all.slice(0, 25)
    for (const [outcome, name, str, profession, status, changes] of rows) {
      assert.ok(outcome && name && str && profession)
      assert.equal(status, 'Revoked')
      assert.match(changes?.replace(/\s+/g, ' ') ?? '', /Status: Active Revoked.*Status in KKI's Words: AKTIF DICABUT/)
    }
    const second = page.locator('.o_sdmk_rows tbody tr').nth(25)
    assert.match((await second.textContent()) ?? '', /Name:\s*Orang \w+ Rekaan\s*Orang \w+ Rekaan Baru/)
    assert.match((await page.locator('.o_sdmk_stamp_only').textContent()) ?? '', /Left out.*: 5\./)
    await page.click('.o_sdmk_stamp_only button')
    await page.waitForFunction(`document.querySelectorAll('.o_sdmk_rows tbody tr').length === 5`)
  })

  test('changes are narrowed by profession and outcome, searched by STR and name, and exported', { skip }, async () => {
    const page = await as('admin')
    await showBatch(page)
    const count = (n: number) =>
      page.waitForFunction(`document.querySelectorAll('.o_sdmk_rows tbody tr').length === ${n}`)
    await page.fill('.o_sdmk_by_text', String(records[20]?.nomor_str).toLowerCase())
    await page.keyboard.press('Enter')
    await count(1)
    const [, name = ''] = /Orang (\w+)/.exec(String(records[8]?.nama)) ?? []
    await page.fill('.o_sdmk_by_text', `${name} baru`)
    await page.keyboard.press('Enter')
    await page.locator('.o_sdmk_rows tbody tr', { hasText: `Orang ${name} Rekaan Baru` }).waitFor()
    await page.fill('.o_sdmk_by_text', '')
    await page.keyboard.press('Enter')
    await count(32)
    await page.selectOption('.o_sdmk_by_outcome', 'rejected')
    await count(2)
    await page.selectOption('.o_sdmk_by_profession', { label: 'Nurse' })
    await count(1)
    assert.match((await page.locator('.o_sdmk_rows tbody').textContent()) ?? '', /No name/)
    await page.selectOption('.o_sdmk_by_profession', '')
    await page.selectOption('.o_sdmk_by_outcome', '')
    await count(32)
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('.o_sdmk_export')])
    const lines = (await readFile(await download.path(), 'utf8')).trim().split('\r\n')
    assert.match(lines[0] ?? '', /Outcome,Health Worker,STR,Profession,Status,Field,Before,After,Reason$/)
    assert.equal(lines.filter(line => line.includes(',Active,Revoked,')).length, 25)
    const { rows } = await operations.connector.pool.query(
      `select actor, batch_id from kki.disclosure where channel = 'POST /v1/batches/:id/changes/export'`
    )
    assert.deepEqual(rows, [{ actor: 'rina', batch_id: held.id }])
  })

  test('a batch that was planned again since the dialog opened is not applied, and the dialog says so', {
    skip
  }, async () => {
    const page = await as('adminInIndonesian')
    await showBatch(page)
    const ask = async () => {
      await page.click('.o_form_statusbar button[name=action_apply]')
      const dialog = page.locator('.modal')
      await dialog.locator('.o_sdmk_effects').waitFor()
      await page.keyboard.type('dibenarkan KKI')
      return dialog
    }
    const dialog = await ask()
    const { simulator, pool, run } = operations.connector
    const { rows: plans } = await pool.query('select plan_digest from kki.batch where id = $1', [held.id])
    // A person of the batch changes meanwhile.
    const ago = (minutes: number) => new Date(simulator.now() - minutes * 60_000).toISOString()
    await inject(simulator, [{ record: { ...records[13], provinsi: 'Papua', diubah_pada: ago(200) } }])
    const window = { mode: 'window', changedSince: ago(250), changedUntil: ago(150) }
    assert.equal((await run(window)).state, 'applied')
    await page.keyboard.press('Enter')
    await dialog.locator('[role=alert]', { hasText: 'Rencana sudah berubah' }).waitFor()
    assert.equal(await dialog.locator('#sdmk_decision_reason, .o_sdmk_effects').count(), 0)
    const { rows } = await pool.query('select state, plan_digest from kki.batch where id = $1', [held.id])
    assert.equal(rows[0].state, 'held')
    assert.notEqual(rows[0].plan_digest, plans[0].plan_digest)
    await dialog.locator('.btn-primary').click()
    await dialog.waitFor({ state: 'hidden' })
    await page.waitForSelector('.o_sdmk_changes .o_sdmk_rows tbody tr')
    await (await ask()).locator('.btn-secondary').click()
  })

  test('a batch is not discarded without a reason, and Esc does not change it', { skip }, async () => {
    const page = await as('admin')
    await showBatch(page)
    await page.click('.o_form_statusbar button:has-text("Discard")')
    const dialog = page.locator('.modal')
    await dialog.getByLabel('Do not fetch it again').check()
    assert.ok(await dialog.locator('.btn-danger').isDisabled(), 'a reason is required')
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
  })

  test('after applying the professions add up to the ledger, and the batch leads to its own changes', {
    skip
  }, async () => {
    const page = await as('admin')
    await showBatch(page)
    await page.click('.o_form_statusbar button:has-text("Apply")')
    await page.locator('.modal .o_sdmk_effects').waitFor()
    const effects = await cells(page, '.modal .o_sdmk_effects tr')
    assert.deepEqual(effects, [
      ['Deactivated Licences', '25'],
      ['Changed Names', '5'],
      ['Created', '0'],
      ['Linked', '0'],
      ['Updated', '37'],
      ['Rejected', '2']
    ])
    assert.deepEqual((await cells(page, '.modal .o_sdmk_excesses tbody tr'))[0]?.slice(2), ['25', '20'])
    await page.fill('#sdmk_decision_reason', 'KKI confirms the list')
    await page.keyboard.press('Enter')
    await page.locator('.o_arrow_button_current', { hasText: 'Applied' }).waitFor()
    await showBatch(page)
    const professions = await cells(page, '.o_sdmk_professions tbody tr')
    const sums = [1, 2, 3, 4, 6].map(i => professions.reduce((sum, row) => sum + Number(row[i]), 0))
    const ledger = await Promise.all(
      ['created', 'linked', 'updated', 'deactivated', 'rejected'].map(async field =>
        Number(await page.locator(`.o_group div[name=${field}]`).first().textContent())
      )
    )
    assert.deepEqual(sums, ledger)
    assert.deepEqual(ledger, [0, 0, 37, 25, 2])
    assert.equal(await page.locator('.oe_button_box button:has-text("Registrations")').count(), 0)
    const strs = (await cells(page, '.o_sdmk_rows tbody tr')).map(row => row[2])
    assert.ok(strs.every(Boolean), 'no line lacks its STR')
  })

  test('the undo dialog shows the values to restore and keep, and afterwards who undid it, why, and the kept values', {
    skip
  }, async () => {
    const { connector, settle } = operations
    const renamed = records[7] as { nomor_str: string }
    const { rows: people } = await connector.pool.query(
      'select health_worker_id as id from sdmk.registration where str_number = $1',
      [renamed.nomor_str]
    )
    const person = `/v1/health-workers/${people[0]?.id}`
    const { version } = (await connector.call('GET', person)).body as { version: number }
    const edit = { name: 'Nama Dari Kartu', reason: 'as on the card' }
    const edited = await connector.call('PATCH', person, edit, { 'if-match': `"${version}"` })
    assert.equal(edited.status, 200, JSON.stringify(edited.body))
    await settle()
    const page = await as('admin')
    await showBatch(page)
    await page.click('.o_form_statusbar button:has-text("Undo")')
    const preview = page.locator('.modal .o_sdmk_decision')
    await preview.locator('.o_sdmk_undo tbody tr').first().waitFor()
    const foreseen = await cells(page, '.modal .o_sdmk_undo tbody tr')
    assert.deepEqual(foreseen[1], ['Registrations', '0', '37', '0'])
    assert.equal(foreseen[0]?.[3], '1')
    await preview.locator('.o_sdmk_kept', { hasText: 'Nama Dari Kartu' }).waitFor()
    await page.fill('#sdmk_decision_reason', 'KKI has withdrawn the list')
    await page.keyboard.press('Enter')
    await page.locator('.o_arrow_button_current', { hasText: 'Undone' }).waitFor()
    await showBatch(page)
    const undone = page.locator('.o_sdmk_undone')
    assert.match((await undone.textContent()) ?? '', /By rina on .*Reason: KKI has withdrawn the list/)
    assert.deepEqual(await cells(page, '.o_sdmk_undone .o_sdmk_undo tbody tr'), foreseen)
    await page.click('button:has-text("Kept")')
    await page.waitForFunction(`document.querySelectorAll('.o_sdmk_rows tbody tr').length === 1`)
    await undone.locator('.o_sdmk_kept a').first().click()
    await page.locator('.o_form_view h1', { hasText: 'Nama Dari Kartu' }).waitFor()
  })

  test('an auditor sees actors, actions, times and reasons, and that the chain is intact', { skip }, async () => {
    const page = await as('auditor')
    const check = (findings: number) =>
      operations.connector.pool.query(
        `insert into kki.audit_check (events, findings) values (40, $1)
        on conflict (is_last) do update set events = 40, findings = excluded.findings`,
        [findings]
      )
    await check(3)
    await open(page, auditEvents, '.o_sdmk_events tbody tr')
    await page.locator('.o_sdmk_chain', { hasText: /The chain was changed.*differ: 3/ }).waitFor()
    await check(0)
    await open(page, auditEvents, '.o_sdmk_events tbody tr')
    await page.locator('.o_sdmk_chain', { hasText: 'The chain is whole: 40 events' }).waitFor()
    await page.selectOption('.o_sdmk_by_action', { label: 'Batch undone' })
    await page.waitForFunction(`document.querySelectorAll('.o_sdmk_events tbody tr').length === 1`)
    const [row] = await cells(page, '.o_sdmk_events tbody tr')
    assert.deepEqual(row?.slice(1, 5), [
      'Batch undone',
      'rina (Integration Administrator)',
      'KKI has withdrawn the list',
      String(held.id)
    ])
    await page.click('.o_sdmk_events button:has-text("Details")')
    await page.getByText('Place in the Chain').waitFor()
    await page.fill('.o_sdmk_by_actor', 'nobody')
    await page.keyboard.press('Enter')
    await page.locator('.o_sdmk_no_events').waitFor()
  })

  test('an Indonesian reads the events in Indonesian, in a narrow window as well', { skip }, async () => {
    const page = await as('verifierInIndonesian', narrow)
    await open(page, auditEvents, '.o_sdmk_events tbody tr')
    await page
      .locator('.o_sdmk_events td', { hasText: /^Batch diurungkan$/ })
      .first()
      .waitFor()
    const texts = await page.locator('.o_sdmk_audit_events').innerText()
    assert.doesNotMatch(texts, /\b(Batch undone|Every Action|Details|Show All|When|Why)\b|[a-z]+\.[a-z]+_[a-z]+/)
    await assertFits(page)
  })

  test('one box leads from the number of a batch or run, a trace or a request to its events', { skip }, async () => {
    const page = await as('auditor')
    const { rows } = await operations.connector.pool.query<{ request: string; trace: string }>(
      `select request_id as request, trace_id as trace from kki.audit_event where action = 'batch.undo_ordered'`
    )
    const find = async (text: string) => {
      await open(page, auditEvents, '.o_sdmk_events tbody tr')
      await page.fill('.o_sdmk_find', text)
      await page.keyboard.press('Enter')
      await page.locator('button:has-text("Show All")').waitFor()
    }
    await find(String(held.id))
    await page.waitForFunction(`(() => {
      const rows = [...document.querySelectorAll('.o_sdmk_events tbody tr')]
      return rows.length >= 4 && rows.every(row => row.children[4]?.textContent.trim() === '${held.id}')
    })()`)
    await page.click('.o_sdmk_places button.btn-outline-primary')
    await page.locator('.o_form_view h1', { hasText: `Batch ${held.id}` }).waitFor()
    await find(held.traceId)
    await page.locator('.o_sdmk_places', { hasText: `Batch ${held.id}` }).waitFor()
    await find(rows[0]?.request ?? '')
    await page.locator('.o_sdmk_events tbody tr', { hasText: 'Undo of a batch ordered' }).waitFor()
    await find('odoo-6f0c2c1e-abcd-4bcd-8bcd-abcdefabcdef')
    await page.getByText('Nothing was changed under this request').waitFor()
  })

  test('a batch leads to its events, and its evidence is handed over for people and for machines', {
    skip
  }, async () => {
    const page = await as('auditor')
    await showBatch(page)
    await page.click('button[name=action_view_audit_events]')
    await page.locator('.o_sdmk_events tbody tr', { hasText: 'Batch put on hold' }).waitFor()
    await showBatch(page)
    await page.click('button[name=action_take_evidence]')
    await page.fill('#sdmk_evidence_reason', 'yearly audit')
    await page.keyboard.press('Enter')
    const paper = page.frameLocator('.o_sdmk_evidence')
    await paper.locator('h1', { hasText: `Evidence of batch ${held.id}` }).waitFor()
    const text = await paper.locator('body').innerText()
    for (const told of [/found 25, limit 20/, /KKI has withdrawn the list/, /No name: 2/, /SHA-256 [0-9a-f]{64}/]) {
      assert.match(text, told)
    }
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.click('.modal button:has-text("Save as JSON")')
    ])
    const evidence = JSON.parse(await readFile(await download.path(), 'utf8'))
    assert.equal(evidence.batch.id, held.id)
    assert.ok(evidence.events.every((event: { proof: unknown }) => event.proof !== null))
    const { rows } = await operations.connector.pool.query(
      `select actor, detail ->> 'reason' as reason from kki.audit_event where action = 'batch.evidence_taken'`
    )
    assert.deepEqual(rows, [{ actor: 'agus', reason: 'yearly audit' }])
  })

  test('an error that names a request leads to its events', { skip }, async () => {
    const page = await as('admin')
    await showBatch(page)
    const id = await page.evaluate<string>(`(async () => {
      const { env } = odoo.__WOWL_DEBUG__.root
      env.services.orm.call('sdmk.batch', 'get_preview', [[${held.id}], 'undo'])
      return 'asked'
    })()`)
    assert.equal(id, 'asked')
    await page.locator('.modal', { hasText: /odoo-[0-9a-f-]{36}/ }).waitFor()
    await page.click('.modal button:has-text("Audit Events of This Request")')
    await page.getByText('Nothing was changed under this request').waitFor()
  })
})
