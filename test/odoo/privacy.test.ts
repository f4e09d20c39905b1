import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { inject, kkiRecord } from '../e2e/helpers.ts'
import { whyNoBrowser } from '../helpers/browser.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { callAs, open, signIn, startBrowser } from './helpers/browser.ts'
import { type Operations, startOperations } from './helpers/operators.ts'

const { odoo, skip: noOdoo } = await odooOrReason()
const skip = noOdoo || (await whyNoBrowser())
const orders = /^(Restrict|Lift Restriction|Erase|Access Report|Batasi|Akhiri Pembatasan|Hapus|Laporan Data Pribadi)$/
const reason = 'Permintaan surat'

describe('a data protection officer in Odoo', { skip, timeout: 900_000 }, () => {
  let operations: Operations
  let browser: Browser
  let officer: Page
  let executions = 0
  const ids: Record<'live' | 'ended', number> = { live: 0, ended: 0 }
  const hooks: (() => unknown)[] = []

  before(async () => {
    if (!odoo) return
    const t = { after: (hook: () => unknown) => void hooks.push(hook) } as unknown as TestContext
    operations = await startOperations(t, odoo, {
      database: 'sdmk_odoo_privacy',
      env: { SDMK_IDENTITY_RETENTION_YEARS: '0' }
    })
    const { connector, settle } = operations
    const person = (name: string, str: string, more: object = {}) => ({
      id: `00000000-0000-4000-8000-0000000000${str.slice(-2)}`,
      record: kkiRecord({ nama: name, nomor_str: str, ...more })
    })
    const live = person('Siti <img src=x onerror=pwned()> Rekaan', 'EQ00000000800001')
    const ended = person('Budi Rekaan', 'EQ00000000800002')
    await inject(connector.simulator, [live, ended])
    await connector.run({})
    await inject(connector.simulator, [
      { id: ended.id, record: { ...ended.record, status_str: 'DICABUT', diubah_pada: '2026-02-01T00:00:00Z' } }
    ])
    await connector.run({ mode: 'full' })
    await settle()
    // The cleanup of every five minutes; staged rows prevent an erasure.
    await connector.pool.query(
      `select kki.drop_staging(id) from kki.batch where state not in ('queued', 'fetching', 'staged', 'planned', 'held')`
    )
    const { rows } = await connector.pool.query(
      'select health_worker_id as id, str_number as str from sdmk.registration'
    )
    for (const { id, str } of rows) ids[str.endsWith('1') ? 'live' : 'ended'] = Number(id)
    browser = await startBrowser()
    officer = await signIn(browser, operations, 'officer')
    await officer.context().exposeFunction('pwned', () => void executions++)
  })
  after(async () => {
    await browser?.close()
    for (const hook of hooks) await hook()
    await odoo?.close()
  })

  async function show(page: Page, id: number): Promise<void> {
    await page.goto(`/odoo/sdmk.health.worker/${id}`)
    await page.waitForSelector('.o_form_view h1')
  }

  /** Opens the dialog of a decision, and returns its text before any press. */
  async function openDecision(button: string): Promise<string> {
    await officer.click(`.o_form_statusbar button:has-text("${button}")`)
    await officer.waitForSelector('.modal [name=reason] input')
    return officer.locator('.modal').innerText()
  }

  async function decide(button: string): Promise<void> {
    await officer.fill('.modal [name=reason] input', reason)
    await officer.click(`.modal-footer button:has-text("${button}"):visible`)
    await officer.waitForSelector('.modal', { state: 'detached' })
  }

  test('no other user has a button for it, or can do it by a program', { skip }, async () => {
    for (const who of ['auditor', 'admin'] as const) {
      const page = await signIn(browser, operations, who)
      await show(page, ids.live)
      const buttons = (await page.locator('button:visible, .o_menu_sections *').allTextContents()).map(text =>
        text.trim()
      )
      assert.deepEqual(
        buttons.filter(text => orders.test(text) || text === 'Data Protection'),
        [],
        who
      )
      const wizard = { health_worker_id: ids.live, decision: 'erase', reason: 'x', is_understood: true, scope: 'all' }
      const denied = 'odoo.exceptions.AccessError'
      assert.equal(await callAs(page, 'sdmk.privacy.decision', 'create', [[wizard]]), denied, who)
      assert.ok(await callAs(page, 'sdmk.health.worker', '_decide', [[ids.live], 'erase', {}]), who)
      await page.context().close()
    }
    const { rows } = await operations.connector.pool.query(
      'select from sdmk.health_worker where restricted_at is not null or erased_at is not null'
    )
    assert.equal(rows.length, 0)
  })

  test('restricts a person after reading the consequences, and finds the person again to lift it', {
    skip
  }, async () => {
    await show(officer, ids.live)
    const told = await openDecision('Batasi')
    assert.match(told, /Akibatnya[\s\S]*NIK tidak dapat dilihat[\s\S]*pencabutan tidak boleh hilang/)
    // A reason is required.
    await officer.click('.modal-footer button:has-text("Batasi")')
    await officer.waitForSelector('.modal [name=reason].o_field_invalid')
    await decide('Batasi')
    await officer.waitForSelector('[name=restricted]:visible:has-text("Data orang ini dibatasi sejak")')
    assert.equal(await officer.locator('.o_form_view h1:visible').innerText(), `Data dibatasi, nomor ${ids.live}`)
    assert.doesNotMatch(await officer.locator('.o_content').innerText(), /Siti|EQ0000/)

    const auditor = await signIn(browser, operations, 'auditor')
    await open(auditor, 'sdmk_core.sdmk_health_worker_action', '.o_data_row')
    assert.equal(await auditor.locator('.o_data_row').count(), 1)
    await show(auditor, ids.live)
    await auditor.waitForSelector('[name=restricted]:visible')
    assert.doesNotMatch(await auditor.locator('.o_content').innerText(), /Siti|EQ0000/)
    await auditor.context().close()

    await open(officer, 'sdmk_core.sdmk_privacy_action', '.o_data_row')
    await officer.click('.o_data_row .o_data_cell:has-text("Data dibatasi")')
    await officer.waitForSelector('[name=restricted]:visible')
    await openDecision('Akhiri Pembatasan')
    await decide('Akhiri Pembatasan')
    await officer.waitForSelector('[name=restricted]', { state: 'hidden' })
    await officer.locator('.o_form_view h1:visible', { hasText: 'Siti' }).waitFor()
    const { rows } = await operations.connector.pool.query(
      `select actor, action, detail ->> 'reason' as reason, detail ->> 'role' as role from kki.audit_event
      where action like 'person.restrict%' order by id`
    )
    assert.deepEqual(
      rows,
      ['person.restricted', 'person.restriction_lifted'].map(action => ({
        actor: 'citra',
        action,
        reason,
        role: 'data_protection_officer'
      }))
    )
  })

  test('erases a person without an active licence after a confirmation, and nobody with an active one', {
    skip
  }, async () => {
    await show(officer, ids.live)
    const told = await openDecision('Hapus')
    assert.match(told, /Penghapusan tidak dapat dibatalkan[\s\S]*Yang Tetap Disimpan, dan Alasannya[\s\S]*UU 17\/2023/)
    assert.equal(await officer.locator('.modal-footer button:has-text("Hapus"):visible').count(), 0)
    await officer.check('.modal [name=scope] input[data-value=all]')
    await officer.check('.modal [name=is_understood] input')
    await officer.fill('.modal [name=reason] input', reason)
    await officer.click('.modal-footer button:has-text("Hapus"):visible')
    await officer.locator('.o_error_dialog', { hasText: 'Data belum dapat dihapus' }).waitFor()

    await show(officer, ids.ended)
    await openDecision('Hapus')
    await officer.check('.modal [name=scope] input[data-value=all]')
    await officer.check('.modal [name=is_understood] input')
    await decide('Hapus')
    await officer.locator('.o_form_view h1:visible', { hasText: 'Data dihapus' }).waitFor()
    await officer.waitForSelector('[name=erased]:visible:has-text("Data orang ini dihapus pada")')
    await officer.waitForSelector('.o_data_row:has-text("EQ00000000800002")')
  })

  test('creates the report of a person, without active content, and prints or saves it', { skip }, async () => {
    await open(officer, 'sdmk_core.sdmk_health_worker_action', '.o_data_row')
    await officer.click('.o_menu_sections button:has-text("Pelindungan Data")')
    await officer.click('.o-dropdown-item:has-text("Laporan Data Pribadi")')
    await officer.selectOption('#sdmk_report_by', 'name')
    await officer.fill('#sdmk_report_name', 'Budi Rekan')
    await officer.fill('#sdmk_report_birth_date', '1990-01-01')
    await officer.fill('#sdmk_report_reason', reason)
    await officer.click('.modal-footer button:has-text("Buat Laporan")')
    await officer.locator('.modal', { hasText: 'Tidak ada orang dengan nama ini' }).waitFor()
    await officer.keyboard.press('Escape')

    await officer.click('.o_menu_sections button:has-text("Pelindungan Data")')
    await officer.click('.o-dropdown-item:has-text("Laporan Data Pribadi")')
    await officer.fill('#sdmk_report_str', 'eq 0000 0000 8000 01')
    await officer.fill('#sdmk_report_reason', reason)
    await officer.click('.modal-footer button:has-text("Buat Laporan")')
    const page = officer.frameLocator('.o_sdmk_report')
    await page.locator('h1', { hasText: 'Yang disimpan SDMK tentang satu orang' }).waitFor()
    const text = await page.locator('body').innerText()
    assert.match(text, /Siti <img src=x onerror=pwned\(\)> Rekaan/)
    assert.match(text, /Keputusan pembatasan atau penghapusan[\s\S]*Permintaan surat/)
    assert.doesNotMatch(text, /\d{16}/)
    // A page of the sidecar could not run anything here, if it tried.
    await officer.evaluate(`
      const body = document.querySelector('.o_sdmk_report').contentDocument.body
      body.insertAdjacentHTML('beforeend', '<img src=x onerror=parent.pwned()><script>parent.pwned()</script>')
    `)
    await officer.evaluate(`
      const frame = document.querySelector('.o_sdmk_report').contentWindow
      frame.print = () => { window.wasPrinted = true }
    `)
    await officer.click('.modal-footer button:has-text("Cetak")')
    assert.equal(await officer.evaluate('window.wasPrinted'), true)
    const downloading = officer.waitForEvent('download')
    await officer.click('.modal-footer button:has-text("Simpan")')
    const download = await downloading
    assert.equal(download.suggestedFilename(), `sdmk-${ids.live}.html`)
    const saved = await readFile(await download.path(), 'utf8')
    assert.match(saved, /Content-Security-Policy" content="default-src 'none'/)
    assert.match(saved, /&lt;img src=x/)
    assert.equal(executions, 0)
  })
})
