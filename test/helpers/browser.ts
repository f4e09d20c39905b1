import { BrowserUnavailable, installBrowser } from '../../tools/browser/install.ts'

/** Returns the reason why no browser can run here, or false if one can. @throws BrowserUnavailable in CI */
export async function whyNoBrowser(): Promise<string | false> {
  try {
    await installBrowser()
    return false
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof BrowserUnavailable)) throw error
    return `no browser: ${error.message}`
  }
}
