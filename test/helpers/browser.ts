import { BrowserUnavailable, installBrowser } from '../../tools/browser/install.ts'

/** Returns why there can be no browser here, or false where there is one. @throws BrowserUnavailable in CI */
export async function whyNoBrowser(): Promise<string | false> {
  try {
    await installBrowser()
    return false
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof BrowserUnavailable)) throw error
    return `no browser: ${error.message}`
  }
}
