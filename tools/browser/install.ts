import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** The names in Debian, Ubuntu and Fedora, and Google's own. */
const executables = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable'
]
const maxOutputBytes = 64 * 1024 * 1024

/** Chromium is not available on this machine; the message has the reason. */
export class BrowserUnavailable extends Error {}

/**
 * Returns the path of the system's Chromium; as root on Debian it is installed if it is missing.
 * @throws BrowserUnavailable
 */
export async function installBrowser(): Promise<string> {
  const present = findBrowser()
  if (present) return present
  if (!existsSync('/etc/debian_version')) throw new BrowserUnavailable('no Chromium is installed')
  if (process.getuid?.() !== 0) throw new BrowserUnavailable('no Chromium is installed, and only root can install it')
  const install = ['install', '-y', '-qq', '--no-install-recommends', 'chromium']
  const options = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, maxBuffer: maxOutputBytes }
  await run('apt-get', install, options).catch(async () => {
    // The lists of a fresh image are empty, and outdated ones name packages that no longer exist.
    await run('apt-get', ['update', '-qq'], options)
    await run('apt-get', install, options)
  })
  const installed = findBrowser()
  if (!installed) throw new BrowserUnavailable('Debian’s package installed no Chromium')
  return installed
}

function findBrowser(): string | undefined {
  return executables.find(file => existsSync(file))
}
