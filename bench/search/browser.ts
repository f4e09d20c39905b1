import type { Page } from 'playwright-core'
import { startBrowser } from '../../test/odoo/helpers/browser.ts'
import { installBrowser } from '../../tools/browser/install.ts'

/** What an operator waits for, in milliseconds. */
export interface Wait {
  what: string
  ms: number
}

const people = '/odoo/action-sdmk_core.sdmk_health_worker_action'
const registrations = '/odoo/action-sdmk_core.sdmk_registration_action'
const row = '.o_list_view .o_data_row'

/** Signs Odoo's administrator in and measures from each press until the screen shows the result. */
export async function measureScreens(odooUrl: string, searches: readonly string[]): Promise<Wait[]> {
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
    const time = async (what: string, work: () => Promise<unknown>) => {
      const started = performance.now()
      await work()
      waits.push({ what, ms: Math.round(performance.now() - started) })
    }
    // Odoo makes its scripts and views for the first who asks.
    for (const address of [people, registrations, people]) {
      await page.goto(address)
      await page.waitForSelector(row)
    }
    const menu = (name: string) => page.click(`.o_menu_sections [data-menu-xmlid="sdmk_core.${name}"]`)
    for (let round = 1; round <= 3; round++) {
      await menu('sdmk_registration_menu')
      await page.waitForSelector('.o_breadcrumb :text("Registrations")')
      await time('list of health workers', async () => {
        await menu('sdmk_health_worker_menu')
        await page.waitForSelector('.o_breadcrumb :text("Health Workers")')
        await page.waitForSelector(row)
      })
      await time('its next page', () => answered(page, () => page.click('.o_pager_next')))
      await time('a form', async () => {
        await page.locator(`${row} [name=name]`).first().click()
        await page.waitForSelector('.o_form_view .o_data_row')
      })
      await time('list of registrations', async () => {
        await menu('sdmk_registration_menu')
        await page.waitForSelector('.o_breadcrumb :text("Registrations")')
        await page.waitForSelector(row)
      })
    }
    for (const filter of ['Active Licence', 'No Licence']) {
      await page.goto(people)
      await page.waitForSelector(row)
      await page.click('.o_searchview_dropdown_toggler')
      await time(`filter ${filter}`, () => answered(page, () => page.click(`.o_menu_item:has-text("${filter}")`)))
    }
    for (const text of searches) {
      await page.goto(people)
      await page.waitForSelector(row)
      await page.fill('.o_searchview_input', text)
      await page.waitForSelector('.o_searchview_autocomplete .o-dropdown-item')
      await time(`search ${text}`, async () => {
        await answered(page, () => page.keyboard.press('Enter'))
        await page.waitForSelector('.o_searchview_facet')
        await page.waitForSelector(`${row}, .o_view_nocontent`)
      })
    }
    return waits
  } finally {
    await browser.close()
  }
}

async function answered(page: Page, work: () => Promise<unknown>): Promise<void> {
  const answer = page.waitForResponse(response => response.url().includes('/web_search_read'))
  await work()
  await answer
}
