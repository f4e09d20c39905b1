import assert from 'node:assert/strict'
import { type Browser, chromium, type Page } from 'playwright-core'
import { type Operations, type Operator, operators } from './operators.ts'

/** The system's Chromium; Debian's and Ubuntu's names. */
const executables = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const patienceMs = 30_000

/** Starts the system's browser. */
export async function startBrowser(): Promise<Browser> {
  const { existsSync } = await import('node:fs')
  const executablePath = executables.find(file => existsSync(file))
  assert.ok(executablePath, 'there is no Chromium here')
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}

/** Signs an operator in, in a window of their own. */
export async function signIn(
  browser: Browser,
  { odooUrl, password }: Operations,
  who: Operator,
  { width = 1400, height = 900 } = {}
): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width, height },
    baseURL: odooUrl,
    locale: 'en-US',
    timezoneId: 'Asia/Jakarta'
  })
  const page = await context.newPage()
  page.setDefaultTimeout(patienceMs)
  await page.goto('/web/login')
  await page.fill('input[name=login]', operators[who].login)
  await page.fill('input[name=password]', password)
  await page.click('button[type=submit]')
  await page.waitForSelector('.o_main_navbar')
  return page
}
