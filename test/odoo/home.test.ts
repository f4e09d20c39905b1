import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, describe, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { fault } from '../e2e/helpers.ts'
import { whyNoBrowser } from '../helpers/browser.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { assertAccessible } from './helpers/axe.ts'
import { open, signIn, startBrowser } from './helpers/browser.ts'
import { type Operations, type Operator, startOperations } from './helpers/operators.ts'
import { mainScreens, type Shown } from './helpers/screens.ts'
import { tellStory } from './helpers/story.ts'

const { odoo, skip: noOdoo } = await odooOrReason()
const skip = noOdoo || (await whyNoBrowser())
const database = 'sdmk_odoo_home'
const kki = 'sdmk_integration_kki'
const phone = { width: 390, height: 844 }
const verdict = '.o_sdmk_verdict'
const dashboard = '.o_sdmk_dashboard canvas'
const sidecarCalls = '**/call_kw/sdmk.dashboard/get_sidecar'
const scheduleCalls = '**/call_kw/sdmk.integration/get_schedule'
/** Longer than the dashboard waits between two questions that are answered. */
const twoQuestionsMs = 8000
/** Within this the dashboard must say that nobody answers; the rest is for a busy machine. */
const silenceMs = 10_000
const slackMs = 10_000

describe('the morning look and the settings in Odoo', { skip, timeout: 1_800_000 }, () => {
  let operations: Operations
  let shown: Shown
  let browser: Browser
  const pages = new Map<string, Page>()
  const hooks: (() => unknown)[] = []

  before(async () => {
    if (!odoo) return
    const t = { after: (hook: () => unknown) => void hooks.push(hook) } as unknown as TestContext
    operations = await startOperations(t, odoo, { database })
    shown = await tellStory(operations)
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
      const file = path.join(tmpdir(), `sdmk-home-${who}.png`)
      await page.screenshot({ path: file })
      console.log(`${who} sees ${page.url()}: ${file}`)
    }
  })

  async function as(who: Operator, size?: { width: number; height: number }): Promise<Page> {
    const key = `${who}-${size?.width ?? 'review'}`
    const page = pages.get(key) ?? (await signIn(browser, operations, who, size))
    pages.set(key, page)
    return page
  }

  async function showDashboard(page: Page): Promise<void> {
    await open(page, `${kki}.sdmk_dashboard_action`, dashboard)
  }

  async function openSettings(page: Page): Promise<void> {
    await open(page, 'sdmk_integration_manager.sdmk_integration_action')
    await page.click('.o_data_row .o_data_cell, .o_kanban_record')
    await page.waitForSelector('.o_form_view')
  }

  for (const who of ['admin', 'auditor', 'adminInIndonesian', 'verifierInIndonesian'] as const) {
    for (const size of [undefined, phone]) {
      test(`the verdict is at the top and its reasons lead to lists with an address, for ${who} at ${size?.width ?? 1280} px`, {
        skip
      }, async () => {
        const page = await as(who, size)
        await showDashboard(page)
        const isIndonesian = who.endsWith('InIndonesian')
        const text = isIndonesian ? 'Perlu tindakan Anda' : 'Needs You'
        await page.locator(verdict, { hasText: text }).waitFor()
        const held = page.locator(`${verdict} a`, {
          hasText: isIndonesian ? 'Batch yang ditahan' : 'Batches on hold'
        })
        await held.click()
        // There is one: it opens itself, and its list is behind it.
        const shownHeld = page.locator('.o_form_view .o_sdmk_excesses, .o_form_view .o_sdmk_rows')
        await shownHeld.first().waitFor()
        assert.match(page.url(), /\/sdmk-kki\/sdmk-held-batches\/\d+(?:\?|$)/)
        await page.reload()
        await shownHeld.first().waitFor()
        await page.goto(page.url().replace(/\/\d+(?:\?.*)?$/, ''))
        const records = page.locator('.o_list_view .o_data_row, .o_kanban_record:not(.o_kanban_ghost)')
        await records.first().waitFor()
        assert.equal(await records.count(), 1)
      })
    }
  }

  test('every card and every figure of a chart can be opened with only the keyboard', { skip }, async () => {
    const page = await as('auditor')
    await showDashboard(page)
    const reached = new Set<string>()
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press('Tab')
      const at = await page.evaluate(`(() => {
        const at = document.activeElement
        if (at?.tagName === 'SUMMARY') { at.parentElement.open = true; return 'summary' }
        return at?.getAttribute('href') ?? ''
      })()`)
      reached.add(String(at))
    }
    const places = [...reached]
    for (const place of [
      /sdmk-held-batches$/,
      /sdmk-open-rows$/,
      /sdmk\.integration\/\d+$/,
      /sdmk\.batch\/\d+$/,
      /\d{8}\/sdmk-batches-of-day$/,
      /\d+\/sdmk-rows-of-reason$/,
      /^summary$/
    ]) {
      assert.ok(
        places.some(href => place.test(href)),
        `${place} in ${places}`
      )
    }
    await showDashboard(page)
    await page.focus('a.card[href$="sdmk-open-rows"]')
    await page.keyboard.press('Enter')
    await page.waitForURL(/sdmk-open-rows$/)
    await page.locator('.o_list_view').waitFor()
  })

  test('a click on a bar of a chart opens the same list as its figure in the table', { skip }, async () => {
    const page = await as('auditor')
    for (const [chart, url] of [
      ['Rows of KKI by Outcome', /\/\d{8}\/sdmk-batches-of-day$/],
      ['Duration of the Last Batches', /\/sdmk\.batch\/\d+$/],
      ['Rejected Rows by Reason', /\/\d+\/sdmk-rows-of-reason$/]
    ] as const) {
      await showDashboard(page)
      const spot = await page.evaluate<{ x: number; y: number }>(`(() => {
        const canvas = document.querySelector('canvas[aria-label^=${JSON.stringify(chart)}]')
        canvas.scrollIntoView({ block: 'center' })
        const chart = Chart.getChart(canvas)
        const bars = chart.data.datasets.flatMap((set, at) =>
          chart.getDatasetMeta(at).data.filter((_, index) => set.data[index] > 0))
        const { x, y } = bars[0].getCenterPoint()
        const box = canvas.getBoundingClientRect()
        return { x: box.left + x, y: box.top + y }
      })()`)
      await page.mouse.click(spot.x, spot.y)
      await page.waitForURL(url)
      await page.locator('.o_list_view .o_data_row, .o_form_view .o_form_sheet').first().waitFor()
      const before = await page.locator('.o_list_view .o_data_row').count()
      await page.reload()
      await page.locator('.o_list_view .o_data_row, .o_form_view .o_form_sheet').first().waitFor()
      assert.equal(await page.locator('.o_list_view .o_data_row').count(), before, 'after a reload it is the same list')
    }
  })

  test('a failed question of the dashboard is shown in the verdict, opens no dialog, and waits for the next', {
    skip
  }, async t => {
    const page = await as('auditor')
    let questions = 0
    await page.route(sidecarCalls, async route => {
      questions++
      await route.fulfill({ status: 502, body: '' })
    })
    t.after(() => page.unroute(sidecarCalls))
    await showDashboard(page)
    await page.locator(`${verdict}.alert-danger`, { hasText: 'Odoo does not answer' }).waitFor()
    await page.waitForTimeout(twoQuestionsMs)
    assert.equal(questions, 1)
    assert.equal(await page.locator('.o_dialog, .modal').count(), 0)
    await page.locator(`${verdict}.alert-danger`, { hasText: 'Broken' }).waitFor()
  })

  test('Enter submits the reason of a dialog', { skip }, async () => {
    const page = await as('admin')
    await page.goto(`/odoo/sdmk.health.worker/${shown.worker}`)
    await page.click('.o_form_statusbar button:has-text("Correct")')
    await page.fill('.modal div[name=birth_place] input', 'Depok')
    await page.fill('.modal div[name=reason] input', 'as on the birth certificate')
    await page.keyboard.press('Enter')
    await page.waitForSelector('.modal', { state: 'detached' })
    await page.locator('div[name=birth_place]', { hasText: 'Depok' }).waitFor()

    await page.click('button:has-text("Show…")')
    await page.fill('#sdmk_nik_reason', 'compare with the card')
    await page.keyboard.press('Enter')
    await page.locator('.o_sdmk_nik').waitFor()
  })

  test('a schedule is said in words with its next runs while it is entered, in both languages', { skip }, async () => {
    for (const [who, words, wrong, next] of [
      ['admin', 'From Monday to Friday at 03:15', 'The hour “25” cannot be read', 'Next runs'],
      ['adminInIndonesian', 'Pada hari Senin sampai Jumat pukul 03.15', 'Bagian jam “25” tidak terbaca', 'berikutnya']
    ] as const) {
      const page = await as(who)
      await openSettings(page)
      const told = page.locator('.o_sdmk_schedule')
      await told.locator('li').nth(2).waitFor()
      const field = page.locator('div[name=schedule] input')
      await field.fill('15 3 * * 1-5')
      await field.press('Tab')
      await told.getByText(words).waitFor()
      await told.getByText(next).waitFor()
      assert.equal(await told.locator('li').count(), 3)
      await field.fill('')
      await field.press('Tab')
      await told.locator('li').first().waitFor({ state: 'detached' })
      await field.fill('15 3 * * 1-5')
      await field.press('Tab')
      await told.getByText(words).waitFor()
      await page.route(scheduleCalls, route => route.fulfill({ status: 502, body: '' }))
      await field.fill('30 3 * * *')
      await field.press('Tab')
      await told.locator('li').first().waitFor({ state: 'detached' })
      await page.unroute(scheduleCalls)
      await field.fill('0 25 * * *')
      await field.press('Tab')
      await told.locator('[role=alert]', { hasText: wrong }).waitFor()
      await page.click('.o_form_button_save')
      const dialog = page.locator('.modal', { hasText: wrong })
      await dialog.waitFor()
      assert.doesNotMatch(await dialog.innerText(), /\/body|errors/)
      await page.keyboard.press('Escape')
      await page.click('.o_form_button_cancel')
    }
  })

  test('Test Connection checks KKI, both directions between Odoo and the sidecar and the secrets, and names each failure', {
    skip
  }, async () => {
    const page = await as('admin')
    await openSettings(page)
    const note = page.locator('.o_notification').last()
    await page.click('button:has-text("Test Connection")')
    await note.getByText('Odoo reaches the sidecar').waitFor()
    const fine = await note.innerText()
    assert.match(fine, /✓ KKI/)
    assert.match(fine, /✓ Writing to Odoo\nThe sidecar can write to Odoo/)
    assert.match(fine, /✓ Secrets/)

    await fault(operations.connector.simulator, { kind: 'status', status: 503, on: 'list', times: 0 })
    try {
      await page.click('button:has-text("Test Connection")')
      const failed = page.locator('.o_notification', { hasText: '✗ KKI' })
      await failed.waitFor()
      assert.match(await failed.innerText(), /503/)
      assert.match(await failed.innerText(), /technical team/)
    } finally {
      await fetch(`${operations.connector.simulator.url}/_faults`, { method: 'DELETE' })
    }
  })

  test('Check Installation shows what the sidecar finds, with what to do in the language of the reader', {
    skip
  }, async () => {
    const { pool } = operations.connector
    const page = await as('admin')
    await openSettings(page)
    await page.click('button:has-text("Check Installation")')
    const fine = page.locator('.o_notification', { hasText: 'Version of the database' })
    await fine.waitFor()
    assert.match(await fine.innerText(), /✓ Version of the database\n✓ Clock/)

    await pool.query('insert into kki.schema_version (version) select max(version) + 1 from kki.schema_version')
    try {
      await page.click('button:has-text("Check Installation")')
      const wrong = page.locator('.o_notification', { hasText: 'finish the upgrade' })
      await wrong.waitFor()
      assert.match(
        await wrong.innerText(),
        /! Version of the database\n.*Ask the technical team to finish the upgrade\./
      )
    } finally {
      await pool.query('delete from kki.schema_version where name is null and version > 0')
    }
  })

  test('the screens of all roles have no serious finding of axe-core and do not overflow', { skip }, async () => {
    const wrong: string[] = []
    for (const [who, size] of [
      ['admin', undefined],
      ['admin', phone],
      ['verifierInIndonesian', undefined]
    ] as const) {
      const page = await as(who, size)
      for (const screen of mainScreens(shown)) {
        const name = `${screen.name} of ${who} at ${size?.width ?? 1280} px`
        // On a phone the list of batches is one of cards, without these buttons.
        const isOrder = ['sync-now', 'load-file'].includes(screen.name)
        if (isOrder && who !== 'admin') continue
        const isOfList = size === phone && isOrder
        if (isOfList) await page.setViewportSize({ width: 1280, height: 844 })
        const hidden = await screen.show(page).catch((error: Error) => error)
        if (hidden) {
          wrong.push(`${name} is not shown: ${hidden.message}`)
          continue
        }
        if (isOfList) {
          await page.setViewportSize(phone)
          await page.waitForTimeout(1000)
        }
        await assertAccessible(page, name).catch((error: Error) => wrong.push(error.message))
        const width = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth')
        if (width > 0) wrong.push(`${name} is ${width} px too wide`)
      }
    }
    assert.deepEqual(wrong, [])
  })

  test('a run that failed and a switch that is off are seen at once', { skip }, async () => {
    const { connector } = operations
    await connector.call('POST', `/v1/batches/${shown.heldBatch}/discard`, { reason: 'test', watermark: 'keep' })
    await fault(connector.simulator, { kind: 'status', status: 403, on: 'list', times: 0 })
    try {
      const run = await connector.run({})
      assert.equal(run.state, 'failed')
    } finally {
      await fetch(`${connector.simulator.url}/_faults`, { method: 'DELETE' })
    }
    const page = await as('auditor')
    await showDashboard(page)
    const reason = page.locator(`${verdict} a`, { hasText: 'The last synchronization with KKI failed' })
    await page.locator(`${verdict}.alert-danger`, { hasText: 'Broken' }).waitFor()
    await reason.click()
    await page.locator('.o_form_view .o_arrow_button_current', { hasText: 'Failed' }).waitFor()
  })

  test('a sidecar that stops answering shows on an open dashboard within ten seconds, and blocks no screen', {
    skip
  }, async t => {
    const page = await as('admin')
    await showDashboard(page)
    await page.locator(`${verdict}`).waitFor()
    assert.equal(await page.getByText('The sidecar does not answer').count(), 0)
    // It takes connections and says nothing, as a process does that was stopped with SIGSTOP.
    const { url, close } = await startSilence()
    t.after(close)
    const code = `env['ir.config_parameter'].set_param('sdmk.sidecar.url', '${url}')
env['ir.config_parameter'].set_param('sdmk.sidecar.key_of', '${url}')
env['ir.config_parameter'].set_param('sdmk.sidecar.allowed_urls', '${url}')
env.cr.commit()
env.registry.signal_changes()
print('MOVED')
`
    const { lines } = await (odoo as NonNullable<typeof odoo>).shell(database, code)
    assert.ok(lines.includes('MOVED'), lines.slice(-20).join('\n'))
    const since = Date.now()
    await page.locator(`${verdict}.alert-danger`, { hasText: 'The sidecar does not answer' }).waitFor()
    assert.ok(Date.now() - since < silenceMs + slackMs, `${Date.now() - since} ms`)

    await page.goto(`/odoo/sdmk.rejection/${shown.rejection}`)
    const opened = Date.now()
    await page.getByText('The sidecar does not answer').first().waitFor()
    assert.ok(Date.now() - opened < silenceMs + slackMs, `${Date.now() - opened} ms`)
  })
})

/** A server that takes connections and never answers. */
async function startSilence(): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>()
  const server: Server = createServer(socket => {
    sockets.add(socket)
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    }
  }
}
