import type { Page } from 'playwright-core'
import { startBrowser } from '../../test/odoo/helpers/browser.ts'
import { installBrowser } from '../../tools/browser/install.ts'
import { nameOf, strOf } from './people.ts'

/** How long an operator may wait for a list or a search, and for a form. */
const limits = { list: 1000, form: 500 }

/** What an operator waits for, in milliseconds. */
export interface Wait {
  what: string
  ms: number
  limitMs: number
}

/** What there is to look at. */
export interface Shown {
  searches: readonly string[]
  heldBatch: number
  /** A person that the batch on hold would change. */
  changed: number
  /** The name of a person in a rejected row. */
  rejectedName: string
}

interface Watch {
  /** Records the duration of `work`. */
  time(kind: keyof typeof limits, what: string, work: () => Promise<unknown>): Promise<void>
  /** Records the time since `since`, a value of `performance.now()`. */
  note(kind: keyof typeof limits, what: string, since: number): void
}

const people = '/odoo/action-sdmk_core.sdmk_health_worker_action'
const registrations = '/odoo/action-sdmk_core.sdmk_registration_action'
const rejected = '/odoo/action-sdmk_integration_kki.sdmk_rejection_action'
const batches = '/odoo/action-sdmk_integration_kki.sdmk_batch_action'
const row = '.o_list_view .o_data_row'
const group = '.o_list_view .o_group_header'
const change = '.o_sdmk_rows tbody tr'
const rounds = 3

/** Signs Odoo's administrator in and measures from each press until the screen shows the result. */
export async function measureScreens(odooUrl: string, shown: Shown): Promise<Wait[]> {
  await installBrowser()
  const browser = await startBrowser()
  const waits: Wait[] = []
  try {
    const page = await browser.newPage({ baseURL: odooUrl, viewport: { width: 1280, height: 800 } })
    page.setDefaultTimeout(120_000)
    await page.goto('/web/login')
    await page.fill('input[name=login]', 'admin')
    await page.fill('input[name=password]', 'admin')
    await page.click('button[type=submit]')
    await page.waitForSelector('.o_main_navbar')
    const watch: Watch = {
      async time(kind, what, work) {
        const since = performance.now()
        await work()
        watch.note(kind, what, since)
      },
      note(kind, what, since) {
        waits.push({ what, ms: Math.round(performance.now() - since), limitMs: limits[kind] })
      }
    }
    // Odoo makes its scripts and views for the first who asks.
    for (const address of [people, registrations, rejected, batches, people]) {
      await page.goto(address)
      await page.waitForSelector(`${row}, ${group}`)
    }
    await measurePeople(page, shown, watch)
    await measureRejected(page, shown, watch)
    await measureBatch(page, shown, watch)
    return waits
  } finally {
    await browser.close()
  }
}

async function measurePeople(page: Page, { searches }: Shown, { time }: Watch): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    await menu(page, 'sdmk_core.sdmk_registration_menu', 'Registrations')
    await time('list', 'list of health workers', async () => {
      await menu(page, 'sdmk_core.sdmk_health_worker_menu', 'Health Workers')
      await page.waitForSelector(row)
    })
    await time('list', 'its next page', () => answered(page, () => page.click('.o_pager_next')))
    await time('form', 'a health worker', async () => {
      await page.locator(`${row} [name=name]`).first().click()
      await page.waitForSelector('.o_form_view .o_data_row')
    })
    await time('list', 'list of registrations', async () => {
      await menu(page, 'sdmk_core.sdmk_registration_menu', 'Registrations')
      await page.waitForSelector(row)
    })
  }
  for (const filter of ['Active Licence', 'No Licence']) {
    await page.goto(people)
    await page.waitForSelector(row)
    await page.click('.o_searchview_dropdown_toggler')
    await time('list', `filter ${filter}`, () => answered(page, () => page.click(`.o_menu_item:has-text("${filter}")`)))
  }
  for (const text of searches) {
    await page.goto(people)
    await page.waitForSelector(row)
    await page.fill('.o_searchview_input', text)
    await page.waitForSelector('.o_searchview_autocomplete .o-dropdown-item')
    await time('list', `search ${text}`, async () => {
      await answered(page, () => page.keyboard.press('Enter'))
      await page.waitForSelector('.o_searchview_facet')
      await page.waitForSelector(`${row}, .o_view_nocontent`)
    })
  }
}

async function measureRejected(page: Page, { rejectedName }: Shown, { time }: Watch): Promise<void> {
  for (let round = 1; round <= rounds; round++) {
    await menu(page, 'sdmk_core.sdmk_registration_menu', 'Registrations')
    await time('list', 'rejected rows by reason, with names', async () => {
      await menu(page, 'sdmk_integration_kki.sdmk_rejection_menu', 'Rejected Rows')
      await page.waitForSelector(row)
      await page.locator(`${row} [name=person_name]`, { hasText: /\w/ }).first().waitFor()
    })
    await time('form', 'a rejected row, compared', async () => {
      await page.locator(`${row} [name=code]`).first().click()
      await page.waitForSelector('.o_sdmk_comparison tbody tr')
    })
  }
  for (const name of [rejectedName, rejectedName.split(' ')[0] as string, 'Xaverius Kwee']) {
    await page.goto(rejected)
    await page.waitForSelector(row)
    await page.fill('.o_searchview_input', name)
    const item = page.locator('.o_searchview_autocomplete .o-dropdown-item', { hasText: 'Name' }).first()
    await item.waitFor()
    await time('list', `rejected rows: name ${name}`, async () => {
      await answered(page, () => item.click(), '/web_read_group')
      await page.waitForSelector('.o_searchview_facet:has-text("Name")')
      await page.waitForSelector(`${group}, .o_view_nocontent`)
    })
  }
}

async function measureBatch(page: Page, { heldBatch, changed }: Shown, { time, note }: Watch): Promise<void> {
  const asked = (work: () => Promise<unknown>) => answered(page, work, '/get_changes')
  for (let round = 1; round <= rounds; round++) {
    await menu(page, 'sdmk_core.sdmk_registration_menu', 'Registrations')
    await time('list', 'list of batches', async () => {
      await menu(page, 'sdmk_integration_kki.sdmk_batch_menu', 'Batches')
      await page.waitForSelector(row)
    })
    const held = page.locator(`${row} [name=display_name]`, { hasText: `Batch ${heldBatch}` })
    const opened = performance.now()
    await held.click()
    await page.waitForSelector('.o_form_view div[name=fetched]')
    note('form', 'a batch', opened)
    await page.waitForSelector(change)
    note('list', 'its first changes, from the same press', opened)
    await time('list', 'its next page of changes', () => asked(() => page.click('button:has-text("More…")')))
    await time('list', 'its deactivated licences', () =>
      asked(() => page.click('button:has-text("Deactivated Licences")'))
    )
    await time('list', 'its changed names', () => asked(() => page.click('button:has-text("Changed Names")')))
    await time('list', 'all of them again', () => asked(() => page.click('button:has-text("All Changes")')))
    await time('list', 'its changes of one profession', () =>
      asked(() => page.selectOption('.o_sdmk_by_profession', { label: 'Doctor' }))
    )
    await asked(() => page.selectOption('.o_sdmk_by_profession', ''))
    for (const text of [strOf(changed), nameOf(changed), 'Xaverius Kwee']) {
      await page.fill('.o_sdmk_by_text', text)
      await time('list', `its changes: search ${text}`, () => asked(() => page.keyboard.press('Enter')))
    }
    await time('form', 'the dialog that applies it', async () => {
      await page.click('.o_form_statusbar button[name=action_apply]')
      await page.waitForSelector('.modal .o_sdmk_effects')
    })
    await page.keyboard.press('Escape')
    await page.waitForSelector('.modal', { state: 'detached' })
  }
}

async function menu(page: Page, id: string, title: string): Promise<void> {
  await page.click(`.o_menu_sections [data-menu-xmlid="${id}"]`)
  await page.waitForSelector(`.o_breadcrumb :text("${title}")`)
}

async function answered(page: Page, work: () => Promise<unknown>, call = '/web_search_read'): Promise<void> {
  const answer = page.waitForResponse(response => response.url().includes(call))
  await work()
  await answer
}
