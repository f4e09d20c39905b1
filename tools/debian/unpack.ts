/** Programs of Debian without installing them: their packages, unpacked into a folder of a cache. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** The packages are not available on this machine; the message has the reason. */
export class PackagesUnavailable extends Error {}

/**
 * Returns the folder `root` of the cache, with the content of the packages; unpacks them once.
 *
 * @param withDependencies true to unpack also the packages that they need and this machine lacks
 * @throws PackagesUnavailable
 */
export async function unpackPackages(
  cache: string,
  packages: readonly string[],
  { withDependencies = false } = {}
): Promise<string> {
  const root = path.join(cache, 'root')
  if (existsSync(root)) return root
  if (!existsSync('/etc/debian_version')) throw new PackagesUnavailable('this is not Debian')
  if (process.getuid?.() !== 0) throw new PackagesUnavailable('only root can fill the cache folder')
  // A separate folder, so that two concurrent processes do not conflict; the last one finds the other's result.
  const fresh = path.join(cache, `unpacking-${process.pid}`)
  await mkdir(fresh, { recursive: true })
  try {
    const download = async () => {
      const names = withDependencies ? await missingWith(packages) : packages
      await run('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', '-qq', ...names], { cwd: fresh })
    }
    await download().catch(async () => {
      // The lists of a fresh image are empty, and outdated ones name packages that no longer exist.
      await run('apt-get', ['update', '-qq'])
      await download()
    })
    const debs = (await readdir(fresh)).filter(name => name.endsWith('.deb'))
    for (const deb of debs) await run('dpkg-deb', ['-x', deb, 'root'], { cwd: fresh })
    await rename(path.join(fresh, 'root'), root).catch(error => {
      if (!existsSync(root)) throw error
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
  return root
}

/** Returns the packages, and the others that an installation of them would add or renew. */
async function missingWith(packages: readonly string[]): Promise<string[]> {
  const { stdout } = await run('apt-get', ['install', '--simulate', '-qq', '--no-install-recommends', ...packages])
  return [...new Set([...packages, ...[...stdout.matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name)])]
}
