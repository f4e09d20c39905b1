import assert from 'node:assert/strict'
import { after, before, describe, type TestContext, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import { inject, kkiRecord } from '../e2e/helpers.ts'
import { whyNoBrowser } from '../helpers/browser.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { open, signIn, startBrowser } from './helpers/browser.ts'
import { type Operations, type Operator, startOperations } from './helpers/operators.ts'

const { odoo, skip: noOdoo } = await odooOrReason()
const skip = noOdoo || (await whyNoBrowser())
const kki = 'sdmk_integration_kki'

/** Each calls `pwned`, which the browser counts, where something takes it for more than text. */
const payloads: Record<string, string> = {
  script: '<script>pwned()</script>',
  'unclosed script': '<script src=data:,pwned()',
  'image handler': '<img src=x onerror=pwned()>',
  'svg handler': '<svg onload=pwned()>',
  'svg script': '<svg><script>pwned()</script></svg>',
  'math and style': '<math><mtext><style><img src=x onerror=pwned()></style>',
  'frame document': '<iframe srcdoc="<script>parent.pwned()</script>"></iframe>',
  'frame address': '<iframe src="javascript:parent.pwned()"></iframe>',
  'data address': '<object data="data:text/html,<script>pwned()</script>"></object>',
  'script address': '<a href="javascript:pwned()">Siti</a>',
  details: '<details open ontoggle=pwned()>',
  'focus handler': '<input autofocus onfocus=pwned()>',
  animation: '<style>@keyframes x{}</style><b style="animation:x 1s" onanimationstart=pwned()>',
  attribute: '" autofocus onfocus="pwned()" x="',
  'single attribute': "' onmouseover='pwned()' x='",
  'template tag': '<t t-out="pwned()"/><t t-esc="window.pwned()"/>',
  'template braces': '{{pwned()}} $' + '{pwned()} #{pwned()} {%pwned()%}',
  constructor: '{{constructor.constructor("pwned()")()}}',
  entities: '&lt;img src=x onerror=pwned()&gt;&#60;svg onload=pwned()&#62;',
  markdown: '[Siti](javascript:pwned()) ![x](x"onerror="pwned())',
  'right to left': '\u202e<img src=x onerror=pwned()>\u2066',
  'full width': '\uff1cscript\uff1epwned()\uff1c/script\uff1e',
  'line separator': "';\u2028pwned()//",
  'closing title': '</title></textarea></script><script>pwned()</script>',
  formula: '=HYPERLINK("javascript:pwned()","Siti")'
}

describe('attacks with scripts in texts of KKI', { skip, timeout: 900_000 }, () => {
  let operations: Operations
  let browser: Browser
  let executions: string[]
  let conflicts: { id: number }[]
  let heldBatch: number
  let people: { id: number; name: string }[]
  const hooks: (() => unknown)[] = []

  before(async () => {
    if (!odoo) return
    const t = { after: (hook: () => unknown) => void hooks.push(hook) } as unknown as TestContext
    operations = await startOperations(t, odoo, { database: 'sdmk_odoo_xss' })
    const { connector, settle } = operations
    const { simulator } = connector
    const ago = (minutes: number) => new Date(simulator.now() - minutes * 60_000).toISOString()
    const records = Object.entries(payloads).map(([id, text]) => ({
      id,
      record: kkiRecord({
        nama: `Siti ${text}`,
        tempat_lahir: text,
        kompetensi: text,
        institusi_pendidikan: text,
        provinsi: text,
        diubah_pada: ago(300)
      })
    }))
    await inject(simulator, records)
    await connector.run({})
    // The same licences for another person: each waits for a verifier, next to its holder.
    await inject(simulator, [
      ...records.map(({ id, record }, i) => ({
        id,
        record: {
          ...record,
          nik: `31710145029${String(10_000 + i)}`,
          tanggal_lahir: '1990-02-05',
          nama: `Ratna ${payloads[id]}`,
          diubah_pada: ago(200),
          '"><img src=x onerror=pwned()>': payloads[id]
        }
      })),
      // A batch with only rejected rows would be held.
      { record: kkiRecord({ diubah_pada: ago(200) }) }
    ])
    await connector.run({})
    // And a batch that waits, whose changes show the names.
    await inject(
      simulator,
      records.map(({ id, record }) => ({
        id,
        record: { ...record, status_str: 'DICABUT', nama: `${record.nama} X`, diubah_pada: ago(100) }
      }))
    )
    const run = await connector.run({ apply: 'hold' })
    heldBatch = (run.batches[0] as BatchBody).id
    await settle()
    conflicts = (await connector.pool.query("select id from kki.rejection where state = 'open' order by id")).rows
    people = (await connector.pool.query('select id, name from sdmk.health_worker order by id')).rows
    browser = await startBrowser()
  })
  after(async () => {
    await browser?.close()
    for (const hook of hooks) await hook()
    await odoo?.close()
  })

  /** Signs a user in with a page that counts injected scripts, browser dialogs, and requests to other hosts. */
  async function watched(who: Operator): Promise<Page> {
    const page = await signIn(browser, operations, who)
    // The client's own first action would end ours, whose promise then never settles.
    await page.goto(`/odoo/action-${kki}.sdmk_dashboard_action`)
    await page.waitForSelector('.o_sdmk_dashboard canvas')
    await page.context().exposeFunction('pwned', () => void executions.push(page.url()))
    page.on('dialog', dialog => {
      executions.push(`dialog ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('frameattached', frame => {
      if (frame !== page.mainFrame()) executions.push('a frame')
    })
    const text = JSON.stringify(payloads['image handler'])
    const add = (how: string) =>
      page.evaluate(`document.body.appendChild(document.createElement('p')).${how} = ${text}`)
    // In this very page a payload that is taken for HTML is counted, and the same one as a text is not.
    await add('textContent')
    await page.waitForTimeout(200)
    assert.deepEqual(executions, [])
    await add('innerHTML')
    for (let i = 0; i < 100 && executions.length === 0; i++) await page.waitForTimeout(50)
    assert.equal(executions.length, 1)
    executions = []
    return page
  }

  /** Opens an action by the client itself, which is much faster than another page. */
  async function act(page: Page, action: string | object, ready: string): Promise<void> {
    await page.evaluate(
      `odoo.__WOWL_DEBUG__.root.env.services.action.doAction(${JSON.stringify(action)}, { clearBreadcrumbs: true })`
    )
    await page.waitForSelector(ready)
  }

  const showRecord = (page: Page, model: string, id: number, ready: string) =>
    act(page, { type: 'ir.actions.act_window', res_model: model, res_id: Number(id), views: [[false, 'form']] }, ready)

  /** Moves over all that shows, so that handlers of the pointer and of the focus would run. */
  async function provoke(page: Page): Promise<void> {
    await page.evaluate(`
      for (const element of document.querySelectorAll('.o_content *, .modal *, .o_notification *')) {
        element.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }))
        element.dispatchEvent(new FocusEvent('focus'))
      }
    `)
    await page.waitForTimeout(50)
  }

  /** Returns elements and attributes that only a payload can have brought. */
  const strange = (page: Page) =>
    page.evaluate<string[]>(`Array.from(
      document.querySelectorAll(
        '.o_action_manager :is([onerror], [onload], [onfocus], script, iframe), [ontoggle], [onanimationstart], object, a[href^="javascript:pwned"]'
      ),
      element => element.outerHTML
    )`)

  test('the test notices each kind of script', { skip }, async () => {
    executions = []
    const page = await (await browser.newContext()).newPage()
    await page.exposeFunction('pwned', () => void executions.push('run'))
    await page.goto('about:blank')
    for (const kind of ['image handler', 'svg handler', 'frame document', 'frame address', 'details', 'animation']) {
      executions = []
      await page.setContent(`<body>${payloads[kind]}</body>`)
      for (let i = 0; i < 40 && executions.length === 0; i++) await page.waitForTimeout(50)
      assert.ok(executions.length > 0, kind)
    }
    await page.context().close()
  })

  test('the rows with every kind are visible', { skip }, () => {
    const missing = Object.entries(payloads).filter(([, text]) => {
      const shown = text.replace(/[\p{Cf}\u2028]/gu, '').slice(-12)
      return !people.some(({ name }) => name.includes(shown.slice(0, 6)))
    })
    assert.ok(people.length >= 15 && conflicts.length >= 15, `${people.length} people, ${conflicts.length} rows`)
    assert.ok(missing.length <= 8, missing.map(([kind]) => kind).join())
  })

  for (const who of ['auditor', 'verifier', 'admin'] as const) {
    test(`run on no screen of the ${who}, and are shown as text`, { skip }, async () => {
      executions = []
      const page = await watched(who)
      const screens: Record<string, () => Promise<unknown>> = {
        dashboard: () => act(page, `${kki}.sdmk_dashboard_action`, '.o_sdmk_dashboard canvas'),
        people: () => act(page, 'sdmk_core.sdmk_health_worker_action', '.o_data_row'),
        registrations: () => act(page, 'sdmk_core.sdmk_registration_action', '.o_data_row'),
        batches: () => act(page, `${kki}.sdmk_batch_action`, '.o_data_row'),
        outcomes: () => act(page, `${kki}.sdmk_batch_outcome_action`, '.o_graph_view canvas'),
        'held batch': () => showRecord(page, 'sdmk.batch', heldBatch, '.o_sdmk_changes table'),
        'rejected rows': () => act(page, `${kki}.sdmk_rejection_action`, '.o_group_header'),
        integration: () => act(page, 'sdmk_integration_manager.sdmk_integration_action', '.o_data_row'),
        'audit heads': () => act(page, 'sdmk_integration_manager.sdmk_audit_head_action', '.o_list_view')
      }
      for (const [name, show] of Object.entries(screens)) {
        await show()
        await provoke(page)
        assert.deepEqual([executions, await strange(page)], [[], []], name)
      }
      // The verifier sees every row and every person; the others see a part, because only buttons differ.
      const some = <T>(all: T[]) => (who === 'verifier' ? all : all.slice(0, 4))
      for (const { id } of some(conflicts)) {
        await showRecord(page, 'sdmk.rejection', id, '.o_sdmk_rejection_detail table')
        await page.evaluate(`for (const details of document.querySelectorAll('details')) details.open = true`)
        await provoke(page)
        assert.match(await page.locator('.o_sdmk_rejection_detail').innerText(), /pwned/)
        assert.deepEqual([executions, await strange(page)], [[], []], `rejected row ${id}`)
      }
      for (const { id, name } of some(people)) {
        await showRecord(page, 'sdmk.health.worker', id, '.o_form_view h1')
        await provoke(page)
        assert.equal((await page.locator('.o_form_view h1').first().innerText()).trim(), name.trim())
        assert.deepEqual([executions, await strange(page)], [[], []], `person ${id}`)
      }
      await dialogs(page, who)
      await search(page)
      assert.deepEqual([executions, await strange(page)], [[], []], 'dialogs and search')
      await page.context().close()
    })
  }

  /** Opens a registration's form from its list, and what asks for a reason. */
  async function dialogs(page: Page, who: Operator): Promise<void> {
    await act(page, 'sdmk_core.sdmk_registration_action', '.o_data_row')
    await page.click('.o_data_row .o_data_cell')
    await page.waitForSelector('.o_form_view h1')
    await provoke(page)
    if (who === 'auditor') return
    const [conflict] = conflicts
    assert.ok(conflict)
    await showRecord(page, 'sdmk.rejection', conflict.id, '.o_sdmk_rejection_detail table')
    await page.click('.o_sdmk_comparison td:nth-child(3) button')
    await page.waitForSelector('.modal #sdmk_resolve_reason')
    await provoke(page)
    await page.keyboard.press('Escape')
    const [person] = people
    assert.ok(person)
    await showRecord(page, 'sdmk.health.worker', person.id, '.o_form_view h1')
    await page.click('[name=nik] button')
    await page.waitForSelector('.modal input')
    await provoke(page)
  }

  /** Searches people for each payload: it becomes a facet, part of the address and of the title. */
  async function search(page: Page): Promise<void> {
    for (const text of Object.values(payloads).slice(0, 6)) {
      // Again for each: typed text may be lost while the list is replaced.
      await open(page, 'sdmk_core.sdmk_health_worker_action', '.o_list_view .o_data_row')
      await page.fill('.o_searchview_input', text)
      await page.waitForSelector('.o_searchview_autocomplete .o-dropdown-item')
      await page.keyboard.press('Enter')
      await page.waitForSelector('.o_searchview_facet')
      await provoke(page)
    }
  }
})
