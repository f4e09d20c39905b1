import { type Browser, chromium, type Page } from 'playwright-core'
import { installBrowser } from '../../../tools/browser/install.ts'
import { type Operations, type Operator, operators } from './operators.ts'

/** A bound against hanging: a busy machine may take minutes. */
const patienceMs = 180_000
/** Odoo makes its scripts and styles with the first sign-in. */
const firstSignInMs = 240_000

/** Starts the system's browser. */
export async function startBrowser(): Promise<Browser> {
  // Chromium asks its makers' servers for this and that; nothing but this machine is to be reached.
  const quiet = ['--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run']
  return chromium.launch({
    executablePath: await installBrowser(),
    args: ['--no-sandbox', '--disable-dev-shm-usage', ...quiet]
  })
}

/** Signs an operator in, in a window of their own. */
export async function signIn(
  browser: Browser,
  { odooUrl, password }: Pick<Operations, 'odooUrl' | 'password'>,
  who: Operator,
  size = { width: 1280, height: 800 }
): Promise<Page> {
  const context = await browser.newContext({ viewport: size, baseURL: odooUrl, timezoneId: 'Asia/Jakarta' })
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  await page.goto('/web/login', { timeout: firstSignInMs })
  await page.fill('input[name=login]', operators[who].login)
  await page.fill('input[name=password]', password)
  await page.click('button[type=submit]')
  await page.waitForSelector('.o_main_navbar', { timeout: firstSignInMs })
  return page
}

/** Opens an action of the addons by the id in its XML, and waits for what shows that it is there. */
export async function open(page: Page, action: string, ready = '.o_action .o_content'): Promise<void> {
  await page.goto(`/odoo/action-${action}`)
  await page.waitForSelector(ready)
}

/** Calls a method as the page's user would with a program of their own; returns the name of the error, or null. */
export async function callAs(page: Page, model: string, method: string, args: unknown[]): Promise<string | null> {
  const answer = await page.evaluate(
    async body => {
      const response = await fetch('/web/dataset/call_kw', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body
      })
      return (await response.json()) as { error?: { data: { name: string } } }
    },
    JSON.stringify({ jsonrpc: '2.0', method: 'call', params: { model, method, args, kwargs: {} } })
  )
  return answer.error?.data.name ?? null
}
