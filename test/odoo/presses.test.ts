import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { inject, kkiRecord } from '../e2e/helpers.ts'
import { until } from '../e2e/process.ts'
import { whyNoBrowser } from '../helpers/browser.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { open, signIn, startBrowser } from './helpers/browser.ts'
import { type Operations, type Operator, startOperations } from './helpers/operators.ts'
import { countPresses } from './helpers/presses.ts'

const { odoo, skip: noOdoo } = await odooOrReason()
const skip = noOdoo || (await whyNoBrowser())
const database = 'sdmk_odoo_presses'
const dashboard = 'sdmk_integration_kki.sdmk_dashboard_action'
/**
 * Actions that the same tasks needed on earlier screens, counted by the same rule on their views at commit 00dbca8.
 * A batch on hold: card, batch, ended licences, their second page, changed names, rejected rows (an empty list), back, apply,
 * confirm. A misspelt name was not found: menu, name, Enter, remove it, another spelling, Enter, open the person. Each of 30
 * rejected rows: open, decide, confirm, back. Evidence of a batch could not be had in Odoo.
 */
const former = { held: 9, rejected: 117, caller: 7 }

const conflicting = ['Ani Rahma', 'Budi Hartono', 'Citra Lestari', 'Dedi Kurnia', 'Eka Wijaya', 'Fajar Nugroho']
const doubled = ['Gita Permata', 'Hana Salim', 'Indra Gunawan', 'Joko Susilo']
const nameless = 8
const inactive = 12

describe('the presses of an operator’s day', { skip, timeout: 1_800_000 }, () => {
  let operations: Operations
  let browser: Browser
  let heldBatch: number
  const pages = new Map<Operator, Page>()
  const hooks: (() => unknown)[] = []

  before(async () => {
    if (!odoo) return
    const t = { after: (hook: () => unknown) => void hooks.push(hook) } as unknown as TestContext
    operations = await startOperations(t, odoo, { database })
    heldBatch = await fillDay(operations)
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
      const file = path.join(tmpdir(), `sdmk-presses-${who}.png`)
      await page.screenshot({ path: file })
      console.log(`${who} sees ${page.url()}: ${file}`)
    }
  })

  /** Shows the dashboard, where each job begins, and counts from there. */
  async function beginAs(who: Operator) {
    const page = await signIn(browser, operations, who)
    pages.set(who, page)
    await open(page, dashboard, '.o_sdmk_dashboard canvas')
    const presses = await countPresses(page)
    await page.waitForSelector('.o_sdmk_dashboard canvas')
    return { page, presses }
  }

  const menu = (page: Page, id: string) => page.click(`.o_menu_sections [data-menu-xmlid="${id}"]`)

  function assertHalved(presses: number, before: number): void {
    assert.ok(presses > 0, 'they are counted')
    assert.ok(presses <= before / 2, `${presses} presses, and ${before} before`)
  }

  test('a caller’s licence is found by a misspelt name with at most half of the former presses', { skip }, async t => {
    const { page, presses } = await beginAs('verifierInIndonesian')
    await menu(page, 'sdmk_core.sdmk_health_worker_menu')
    await page.locator('.o_searchview_input').waitFor()
    // Odoo puts the cursor into the search box.
    await page.locator('.o_searchview_input:focus').waitFor()
    await page.keyboard.type('soetjipto rachmat')
    await page.keyboard.press('Enter')
    const row = page.locator('.o_data_row', { hasText: 'Sucipto Rahmat' })
    await row.waitFor()
    assert.match(await row.innerText(), /EQ\d{14}/, 'the STR is in the list')
    const count = presses.take()
    t.diagnostic(`caller: ${count}`)
    assertHalved(count, former.caller)
  })

  test('30 mixed rejected rows are worked through with at most half of the former presses', { skip }, async t => {
    const { pool } = operations.connector
    const left = async () => {
      const { rows } = await pool.query(`select count(*)::int as n from kki.rejection where state = 'open'`)
      return rows[0].n as number
    }
    assert.equal(await left(), 30)
    const { page, presses } = await beginAs('verifier')
    await menu(page, 'sdmk_integration_kki.sdmk_rejection_menu')
    await page.locator('.o_group_header').first().waitFor()
    /** Dismisses all open rows of the list with the reason that has most of them: the dialog proposes it. */
    const dismissByRule = async (reason: string, rest: number) => {
      await page.click('button:has-text("Dismiss by Reason")')
      await page.locator('#sdmk_rule option:checked', { hasText: reason }).waitFor({ state: 'attached' })
      await page.locator('#sdmk_reason:focus').waitFor()
      // The reason that was given last is there already.
      if ((await page.locator('#sdmk_reason').inputValue()) === '') await page.keyboard.type('KKI corrects it')
      await page.keyboard.press('Enter')
      await page.locator('.modal').waitFor({ state: 'hidden' })
      await until('the rows are dismissed', async () => (await left()) === rest)
    }
    await dismissByRule('No name', 30 - nameless)
    // Odoo keeps an emptied group until the list is loaded again, which an event may do at any moment.
    await page.locator('.o_group_header', { hasText: /No name \([1-9]/ }).waitFor({ state: 'hidden' })
    // Groups without urgent rows are closed. A decision leads to the next row of all that are open.
    const closed = page.locator('.o_group_header.o_group_has_content:not(.o_group_open)')
    while ((await closed.count()) > 0) {
      const before = await closed.count()
      await closed.first().click()
      await until('the group is open', async () => (await closed.count()) < before, 30_000)
    }
    await page.locator('.o_data_row').first().locator('[name=code]').click()
    for (let decided = 0; decided < conflicting.length + doubled.length; decided++) {
      await page.locator('.o_sdmk_link').first().waitFor()
      const { pathname } = new URL(page.url())
      await page.keyboard.press('Alt+l')
      const isHarmful = page.locator('.modal label', { hasText: 'required' })
      await page.locator('.modal .o_sdmk_effects').waitFor()
      if (await isHarmful.count()) await page.keyboard.type('seen on the card')
      await page.keyboard.press('Enter')
      await page.locator('.modal').waitFor({ state: 'hidden' })
      const rest = inactive + conflicting.length + doubled.length - decided - 1
      await until('the row is decided', async () => (await left()) <= rest)
      if (rest === inactive) break
      await page.waitForURL(url => url.pathname !== pathname)
    }
    // Rows that the filter hides are also dismissed by a rule.
    await menu(page, 'sdmk_integration_kki.sdmk_rejection_menu')
    await page.locator('.o_facet_remove').first().click()
    await page.locator('.o_group_header', { hasText: 'Inactive licence' }).waitFor()
    await dismissByRule('Inactive licence, person unknown', 0)
    const count = presses.take()
    t.diagnostic(`30 rejected rows: ${count}`)
    assert.equal(await left(), 0)
    assertHalved(count, former.rejected)
  })

  test('a batch on hold is understood and decided with at most half of the former presses', { skip }, async t => {
    const { page, presses } = await beginAs('admin')
    await page.locator('.o_sdmk_verdict a', { hasText: 'Batches on hold' }).click()
    await page.locator('.o_sdmk_excesses').waitFor()
    await page.locator('.o_sdmk_codes', { hasText: 'No name' }).waitFor()
    // All that ends and all names are on screen, without a press.
    const rows = page.locator('.o_sdmk_rows tbody tr')
    await rows.nth(29).waitFor()
    assert.equal(await rows.filter({ hasText: 'Revoked' }).count(), 25)
    assert.equal(await rows.filter({ hasText: /Name:/ }).count(), 5)
    await page.click('.o_form_statusbar button[name=action_apply]')
    await page.locator('.modal .o_sdmk_effects').waitFor()
    await page.keyboard.type('KKI confirms the list')
    await page.keyboard.press('Enter')
    await page.locator('.o_arrow_button_current', { hasText: 'Applied' }).waitFor()
    const count = presses.take()
    t.diagnostic(`batch on hold: ${count}`)
    assertHalved(count, former.held)
    const { rows: batches } = await operations.connector.pool.query('select state from kki.batch where id = $1', [
      heldBatch
    ])
    assert.deepEqual(batches, [{ state: 'applied' }])
  })

  test('the evidence of a batch is handed over with seven presses', { skip }, async t => {
    const { page, presses } = await beginAs('auditor')
    await menu(page, 'sdmk_integration_kki.sdmk_batch_menu')
    await page
      .locator('.o_data_row', { hasText: `Batch ${heldBatch}` })
      .locator('[name=display_name]')
      .click()
    await page.click('button[name=action_take_evidence]')
    await page.locator('#sdmk_evidence_reason').focus()
    await page.keyboard.type('yearly audit')
    await page.keyboard.press('Enter')
    await page.frameLocator('.o_sdmk_evidence').locator('h1').waitFor()
    for (const kind of ['Save the Page', 'Save as JSON']) {
      await Promise.all([page.waitForEvent('download'), page.click(`.modal button:has-text("${kind}")`)])
    }
    const count = presses.take()
    t.diagnostic(`evidence: ${count}`)
    assert.equal(count, 7)
  })
})

/** A caller, a queue of 30 rows, and a batch on hold: 25 licences end, 5 names change, 2 rows have no name. Returns its id. */
async function fillDay({ connector, settle }: Operations): Promise<number> {
  const { simulator } = connector
  const ago = (minutes: number) => new Date(simulator.now() - minutes * 60_000).toISOString()
  const put = (records: Record<string, unknown>[], minutes: number, id?: string) =>
    inject(
      simulator,
      records.map((record, i) => ({
        ...(id && { id: `${id}-${i}` }),
        record: { ...record, diubah_pada: ago(minutes) }
      })) as Parameters<typeof inject>[1]
    )
  const stored = Array.from({ length: 40 }, () => kkiRecord())
  const known = conflicting.map(nama => kkiRecord({ nama, tanggal_lahir: '1990-02-05' }))
  const twice = doubled.map(nama => kkiRecord({ nama, nik: null, tanggal_lahir: '1985-07-09' }))
  await put([...stored, ...known, ...twice, kkiRecord({ nama: 'Sucipto Rahmat' })], 300)
  assert.equal((await connector.run({})).state, 'applied')
  await put(
    known.map((record, i) => ({
      ...record,
      nik: `31710145029008${10 + i}`,
      nama: `${conflicting[i]?.split(' ')[0]} Samaran`
    })),
    200
  )
  await put(
    twice.map(({ nama, tanggal_lahir }) => kkiRecord({ nama, tanggal_lahir })),
    199
  )
  await put(
    Array.from({ length: nameless }, () => kkiRecord({ nama: '-' })),
    198
  )
  await put(
    Array.from({ length: inactive }, () => kkiRecord({ status_str: 'DICABUT' })),
    197
  )
  assert.equal((await connector.run({})).state, 'applied')
  await put(
    stored.slice(0, 32).map((record, i) => ({
      ...record,
      ...(i < 5 ? { nama: `${record.nama} Baru` } : i < 30 ? { status_str: 'DICABUT' } : { provinsi: 'Bali' })
    })),
    100
  )
  await put([kkiRecord({ nama: '-' }), kkiRecord({ nama: '-' })], 99)
  const run = await connector.run({})
  assert.equal(run.state, 'held')
  await settle()
  return run.batches[0]?.id as number
}
