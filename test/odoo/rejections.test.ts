import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { inject, kkiRecord } from '../e2e/helpers.ts'
import { until } from '../e2e/process.ts'
import { whyNoBrowser } from '../helpers/browser.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { assertAccessible } from './helpers/axe.ts'
import { open, signIn, startBrowser } from './helpers/browser.ts'
import { type Operations, type Operator, startOperations } from './helpers/operators.ts'

const { odoo, skip: noOdoo } = await odooOrReason()
const skip = noOdoo || (await whyNoBrowser())
const database = 'sdmk_odoo_rejections'
const list = 'sdmk_integration_kki.sdmk_rejection_action'
const narrow = { width: 390, height: 844 }

const pairs = [
  'Ani Rahma',
  'Budi Hartono',
  'Citra Lestari',
  'Dedi Kurnia',
  'Eka Wijaya',
  'Fajar Nugroho',
  'Gita Permata'
]

describe('the queue of rejected rows', { skip, timeout: 1_800_000 }, () => {
  let operations: Operations
  let browser: Browser
  const pages = new Map<string, Page>()
  const hooks: (() => unknown)[] = []

  before(async () => {
    if (!odoo) return
    const t = { after: (hook: () => unknown) => void hooks.push(hook) } as unknown as TestContext
    operations = await startOperations(t, odoo, { database })
    await fillQueue(operations)
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
      const file = path.join(tmpdir(), `sdmk-rejections-${who}.png`)
      await page.screenshot({ path: file })
      console.log(`${who} sees ${page.url()}: ${file}`)
    }
  })

  async function as(who: Operator, size?: { width: number; height: number }): Promise<Page> {
    const key = `${who}-${size?.width ?? 1280}`
    const page = pages.get(key) ?? (await signIn(browser, operations, who, size))
    pages.set(key, page)
    return page
  }

  const rejectionOf = async (code: string, more = '') => {
    const { rows } = await operations.connector.pool.query<{ id: number }>(
      `select id from kki.rejection where state = 'open' and code = $1 ${more} order by id`,
      [code]
    )
    assert.ok(rows[0], code)
    return rows[0].id
  }
  const conflictOf = (name: string) =>
    rejectionOf('IDENTITY_CONFLICT', `and candidates[1] = (select id from sdmk.health_worker where name = '${name}')`)
  const stateOf = async (id: number) =>
    (await operations.connector.pool.query('select state from kki.rejection where id = $1', [id])).rows[0]?.state
  const show = async (page: Page, id: number) => {
    await page.goto(`/odoo/sdmk.rejection/${id}`)
    await page.locator('.o_sdmk_comparison, .o_sdmk_rejection_detail details').first().waitFor()
  }

  test('begins with the urgent rows, counted and unfolded, and shows their candidates', { skip }, async () => {
    const page = await as('verifierInIndonesian')
    await open(page, list, '.o_list_view .o_group_header')
    const groups = page.locator('.o_group_header')
    await page.locator('.o_data_row').first().waitFor()
    assert.match(await groups.first().innerText(), /Bukan orang yang sama[\s\S]*\b1\b/)
    assert.equal(await page.locator('.o_group_header.o_group_open').count(), 1)
    const first = page.locator('.o_data_row').first()
    assert.match(await first.innerText(), /Mendesak/)
    await first.getByText('Gita Samaran').waitFor()
    await first.getByText('Gita Permata').waitFor()
    const texts = await page.locator('.o_content').innerText()
    assert.ok(!texts.includes('STR tidak aktif'), 'what usually needs nothing is left out')

    await page.locator('.o_facet_remove').first().click()
    await page.locator('.o_group_header', { hasText: 'STR tidak aktif' }).waitFor()
  })

  test('is searched by a name in the row or of a person, and no name is stored in Odoo', { skip }, async () => {
    const page = await as('verifierInIndonesian')
    for (const name of ['samaran citra', 'CITRA LEST']) {
      await open(page, list, '.o_list_view .o_group_header')
      await page.fill('.o_searchview_input', name)
      // The sidecar searches open rows alone: the default filter shows no others.
      const asked = page.waitForRequest(
        request => request.url().includes('/web_read_group') && /"sdmk_only_open":true/.test(request.postData() ?? '')
      )
      await page.locator('.o_searchview_autocomplete .o-dropdown-item', { hasText: 'Nama' }).first().click()
      await page.locator('.o_searchview_facet', { hasText: name }).waitFor()
      await asked
      // The list of before is still there for a moment.
      const group = page.locator('.o_group_header', { hasText: 'Bukan orang yang sama (1)' })
      await group.waitFor()
      // A group that was open before the search stays so.
      if ((await page.locator('.o_group_header.o_group_open').count()) === 0) await group.click()
      await page.locator('.o_data_row', { hasText: 'Citra Samaran' }).waitFor()
      assert.equal(await page.locator('.o_data_row').count(), 1, name)
    }
  })

  test('can be worked through with only the keyboard, and each decision opens the next row', { skip }, async () => {
    const page = await as('verifier')
    await open(page, list, '.o_list_view .o_group_header')
    await page.locator('.o_data_row', { hasText: 'Gita Samaran' }).waitFor()
    await page.locator('.o_searchview_input').focus()
    const opened = page.locator('.o_data_row:focus-within', { hasText: 'Gita Samaran' })
    for (let presses = 0; presses < 6 && (await opened.count()) === 0; presses++) {
      await page.keyboard.press('ArrowDown')
      await page.waitForTimeout(150)
    }
    await page.keyboard.press('Enter')
    const name = page.locator('.o_sdmk_comparison tbody tr').first().locator('td').first()
    const ids: number[] = []
    for (const [key, person] of [
      ['Alt+c', 'Gita'],
      ['Alt+l', ''],
      ['Alt+i', '']
    ] as const) {
      await name.waitFor()
      if (person) await name.getByText(person).waitFor()
      const id = Number(page.url().split('/').at(-1))
      assert.ok(!ids.includes(id), 'the next row is another one')
      ids.push(id)
      await page.keyboard.press(key)
      await page.locator('.modal input[type=text]').waitFor()
      await page.keyboard.type('seen on the card')
      await page.keyboard.press('Enter')
      await page.locator('.modal').waitFor({ state: 'hidden' })
      await page.waitForURL(url => !url.href.endsWith(`/${id}`))
    }
    assert.deepEqual(await Promise.all(ids.map(stateOf)), ['resolved', 'resolved', 'dismissed'])
    const last = page.url()
    await page.keyboard.press('Alt+n')
    await page.waitForURL(url => url.href !== last)
    await page.keyboard.press('Alt+p')
    await page.waitForURL(last)
    await page.getByText('Alt+L').waitFor()
  })

  test('shows a decided row with the former comparison, and an administrator undoes the decision there', {
    skip
  }, async () => {
    const id = await conflictOf('Ani Rahma')
    const verifier = await as('verifier')
    await show(verifier, id)
    const before = await verifier.locator('.o_sdmk_comparison tbody tr').first().innerText()
    await verifier.click('.o_sdmk_link')
    await verifier.fill('#sdmk_resolve_reason', 'married, seen on the card')
    await verifier.click('.modal .btn-primary')
    await verifier.locator('.o_sdmk_decided', { hasText: 'Linked to Ani Samaran' }).waitFor()
    assert.equal(await verifier.locator('.o_sdmk_comparison tbody tr').first().innerText(), before)
    await verifier.locator('.o_sdmk_decided', { hasText: 'married, seen on the card' }).waitFor()
    await verifier.getByText('An integration administrator can undo the decision.').waitFor()
    assert.equal(await verifier.locator('.o_sdmk_link, .o_sdmk_create, .o_sdmk_dismiss').count(), 0)

    const admin = await as('admin')
    await show(admin, id)
    await admin.click('button:has-text("Undo the Decision")')
    await admin.fill('#sdmk_reason', 'the card was of somebody else')
    await admin.keyboard.press('Enter')
    await admin.locator('.o_sdmk_decided', { hasText: 'Withdrawn' }).waitFor()
    await admin.locator('.o_sdmk_link').first().waitFor()
    assert.equal(await stateOf(id), 'open')
  })

  test('offers nothing to decide on a dismissed row, until it is reopened', { skip }, async () => {
    const id = await conflictOf('Budi Hartono')
    const page = await as('verifierInIndonesian')
    await show(page, id)
    await page.click('button:has-text("Abaikan")')
    await page.fill('#sdmk_reason', 'menunggu jawaban KKI')
    await page.click('.modal .btn-primary')
    await page.locator('.o_sdmk_decided', { hasText: 'menunggu jawaban KKI' }).waitFor()
    assert.equal(await page.locator('.o_sdmk_link, .o_sdmk_create, .o_sdmk_dismiss').count(), 0)
    await page.locator('.o_sdmk_comparison', { hasText: 'Budi Hartono' }).waitFor()
    await page.click('button:has-text("Buka Kembali")')
    await page.locator('.o_sdmk_link').waitFor()
    assert.equal(await stateOf(id), 'open')
  })

  test('follows what another person decides about the row on screen', { skip }, async () => {
    const id = await conflictOf('Citra Lestari')
    const page = await as('verifier')
    await show(page, id)
    await page.locator('.o_sdmk_dismiss').waitFor()
    const { call } = operations.connector
    await call('POST', `/v1/rejections/${id}/dismiss`, { reason: 'somebody else was first' })
    await page.locator('.o_sdmk_decided', { hasText: 'somebody else was first' }).waitFor()
    assert.equal(await page.locator('.o_sdmk_dismiss').count(), 0)
  })

  test('shows competing rows next to each other, and decides them one by one', { skip }, async () => {
    const id = await rejectionOf('STR_AMBIGUOUS')
    const page = await as('verifier')
    await show(page, id)
    const names = page.locator('.o_sdmk_comparison tbody tr').first()
    await names.getByText('Hana Salim').first().waitFor()
    await names.getByText('Indra Gunawan').first().waitFor()
    assert.equal(await page.locator('.o_sdmk_comparison thead input[type=radio]').count(), 2)
    await page.locator('.o_sdmk_comparison').getByText('Different').first().waitFor()
    await page.locator('.o_sdmk_comparison').getByText('Equal').first().waitFor()
    for (let left = 2; left > 0; left--) {
      await page.locator('.o_sdmk_comparison .o_sdmk_create').first().click()
      await page.locator('.modal #sdmk_resolve_reason').fill('two people, one number')
      await page.click('.modal .btn-primary')
      await page.locator('.modal').waitFor({ state: 'hidden' })
      const decided = page.locator('.o_sdmk_comparison thead', { hasText: 'Decided' })
      await decided.waitFor()
    }
    await until('both rows are decided', async () => (await stateOf(id)) === 'resolved')

    const admin = await as('admin')
    await show(admin, id)
    const decisions = admin.locator('.o_sdmk_decided > div', { has: admin.locator('button') })
    await decisions.first().waitFor()
    assert.equal(await decisions.count(), 2)
    // The newest is the first; the other one is meant.
    await decisions.last().locator('button').click()
    await admin.fill('#sdmk_reason', 'the first of the two was wrong')
    await admin.keyboard.press('Enter')
    await admin.locator('.o_sdmk_decided', { hasText: 'Withdrawn' }).waitFor()
    const { rows } = await operations.connector.pool.query<{ state: string }>(
      `select batch.state from kki.batch batch join kki.decision decision on decision.batch_id = batch.id
        where decision.rejection_id = $1 order by decision.id`,
      [id]
    )
    assert.deepEqual(
      rows.map(row => row.state),
      ['undone', 'applied']
    )
  })

  test('closes the choice of another person with Esc, also from its search box', { skip }, async () => {
    const page = await as('verifierInIndonesian')
    await show(page, await conflictOf('Dedi Kurnia'))
    await page.click('.o_sdmk_choose')
    const dialog = page.locator('.modal', { hasText: 'Pilih Pemilik STR' })
    await dialog.locator('.o_data_row').first().waitFor()
    assert.equal(await dialog.locator('button:has-text("NIK")').count(), 0, 'the search by NIK would leave the row')
    // An error is shown above the dialog, and Esc closes the error alone.
    await page.route('**/sdmk.health.worker/read', route => {
      const data = { name: 'odoo.exceptions.UserError', message: 'tidak ada', arguments: ['tidak ada'], context: {} }
      return route.fulfill({
        json: { jsonrpc: '2.0', id: 1, error: { code: 200, message: 'Odoo Server Error', data } }
      })
    })
    await dialog.locator('.o_data_row').first().click()
    const told = page.locator('.modal', { hasText: 'tidak ada' })
    await told.waitFor()
    await page.keyboard.press('Escape')
    await told.waitFor({ state: 'hidden' })
    await dialog.waitFor()
    await page.unroute('**/sdmk.health.worker/read')
    await dialog.locator('.o_searchview_input').focus()
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'hidden' })
  })

  test('dismisses all rows of a reason by a rule, except urgent ones', { skip }, async () => {
    const page = await as('verifier')
    await open(page, list, '.o_list_view .o_group_header')
    await page.locator('.o_facet_remove').first().click()
    await page.locator('.o_group_header', { hasText: 'Inactive licence, person unknown' }).waitFor()
    await page.click('button:has-text("Dismiss by Reason")')
    await page.locator('#sdmk_rule option').first().waitFor({ state: 'attached' })
    const offered = await page.locator('#sdmk_rule option').allInnerTexts()
    assert.ok(offered.length > 1, 'the list has rows of several reasons')
    assert.equal(new Set(offered).size, offered.length, 'each option names its own reason')
    await page.selectOption('#sdmk_rule', { label: 'Inactive licence, person unknown (6)' })
    await page.fill('#sdmk_reason', 'known to KKI')
    await page.keyboard.press('Enter')
    await page.locator('.o_notification', { hasText: 'Dismissed rows: 6.' }).waitFor()
    const { rows } = await operations.connector.pool.query(
      `select count(*)::int as n from kki.rejection where code = 'STR_INACTIVE' and state = 'open'`
    )
    assert.equal(rows[0].n, 0)
  })

  test('opens at once while the sidecar does not answer, and shows that it waits', { skip }, async () => {
    const page = await as('auditor')
    const id = await conflictOf('Dedi Kurnia')
    await page.route('**/get_detail', async route => {
      await new Promise(resolve => setTimeout(resolve, 3000))
      await route.continue()
    })
    await page.goto(`/odoo/sdmk.rejection/${id}`)
    await page.locator('.o_sdmk_rejection_detail [role=status]').waitFor()
    await page.locator('.o_form_view h1', { hasText: 'Not the same person' }).waitFor()
    await page.locator('.o_sdmk_comparison').waitFor()
    await page.unrouteAll({ behavior: 'wait' })
  })

  for (const size of [{ width: 1280, height: 800 }, narrow]) {
    test(`is accessible at ${size.width} pixels, and nothing runs over the edge`, { skip }, async () => {
      const id = await conflictOf('Dedi Kurnia')
      const first = size === narrow ? '.o_kanban_record' : '.o_group_header'
      for (const who of ['verifierInIndonesian', 'admin', 'auditor'] as const) {
        const page = await as(who, size)
        await open(page, list, first)
        await page.waitForTimeout(1500)
        await assertAccessible(page, `the list of ${who}`)
        await assertFits(page, size.width)
        await show(page, id)
        await page.waitForTimeout(500)
        await assertAccessible(page, `the row of ${who}`)
        await assertFits(page, size.width)
        if (who === 'auditor') {
          assert.equal(await page.locator('.o_sdmk_link, .o_sdmk_create, .o_sdmk_dismiss').count(), 0)
          continue
        }
        for (const press of ['.o_sdmk_link', '.o_sdmk_dismiss']) {
          await page.locator(press).first().click()
          await page.locator('.modal input[type=text]').waitFor()
          await assertAccessible(page, `${press} of ${who}`)
          await page.keyboard.press('Escape')
          await page.locator('.modal').waitFor({ state: 'hidden' })
        }
      }
    })
  }
})

async function assertFits(page: Page, width: number): Promise<void> {
  const needed = await page.evaluate<number>(
    `Math.max(document.documentElement.scrollWidth, document.querySelector('.o_content').scrollWidth)`
  )
  assert.ok(needed <= width, `${page.url()} needs ${needed} pixels`)
}

/** People that SDMK has, rows with their STR with other names and NIK, an STR of two people, and rows that need nothing. */
async function fillQueue({ connector, settle }: Operations): Promise<void> {
  const { simulator } = connector
  const ago = (minutes: number) => new Date(simulator.now() - minutes * 60_000).toISOString()
  const stored = pairs.map(nama => kkiRecord({ nama, tanggal_lahir: '1990-02-05', diubah_pada: ago(300) }))
  const [hana, indra] = ['Hana Salim', 'Indra Gunawan'].map(nama => kkiRecord({ nama, diubah_pada: ago(300) }))
  await inject(simulator, [
    ...stored.map((record, i) => ({ id: `pair-${i}`, record })),
    ...[hana, indra].map((record, i) => ({ id: `one-${i}`, record: record as object }))
  ] as Parameters<typeof inject>[1])
  assert.equal((await connector.run({})).state, 'applied')
  const conflicts = stored.map((record, i) => ({
    id: `pair-${i}`,
    record: {
      ...record,
      nik: `31710145029008${10 + i}`,
      nama: `${pairs[i]?.split(' ')[0]} Samaran`,
      diubah_pada: ago(200 - i),
      // The last one is urgent.
      ...(i === pairs.length - 1 && { status_str: 'DICABUT' })
    }
  }))
  const shared = kkiRecord().nomor_str
  const competing = [hana, indra].map((record, i) => ({
    id: `shared-${i}`,
    record: {
      ...record,
      nomor_str: shared,
      nik: `31710145029009${10 + i}`,
      tempat_lahir: 'Medan',
      diubah_pada: ago(150)
    }
  }))
  const inactive = Array.from({ length: 6 }, () => ({
    record: kkiRecord({ status_str: 'DICABUT', diubah_pada: ago(140) })
  }))
  await inject(simulator, [...conflicts, ...competing, ...inactive])
  assert.equal((await connector.run({})).state, 'applied')
  await settle()
}
