/**
 * A real Odoo 19 without Docker: Debian unstable's package, unpacked into a cache folder and run with this machine's own
 * Python, as docs/operate/odoo.md describes. Nothing is installed but the libraries that it needs, from Debian stable.
 */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chmod, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { SdmkError } from '../../sidecar/errors.ts'

const run = promisify(execFile)
const packageName = 'odoo-19'
const maxOutputBytes = 64 * 1024 * 1024
/** Dependencies that stable has under another name or in another package, or that only add optional fonts. */
const otherName: Record<string, string | null> = {
  'python3-pytz': 'python3-tz',
  'python3-lxml-html-clean': 'python3-lxml',
  'fonts-montserrat': null
}
/** Without it Odoo skips its browser tests and still ends with 0. */
const alsoNeeded = ['python3-websocket', 'python3-setuptools']
/** Folders of the machine that the package's links lead to. */
const linked = ['javascript', 'fonts', 'fonts-font-awesome']

/** Odoo is not available on this machine; the message has the reason. */
export class OdooUnavailable extends SdmkError {
  readonly code = 'SDMK_ODOO_NOT_INSTALLED'
}

/** The folder of Odoo's Python package; installs it if it is missing. @throws OdooUnavailable */
export async function installOdoo(): Promise<string> {
  const cache = process.env.SDMK_ODOO_CACHE ?? '/var/cache/sdmk-odoo'
  const root = path.join(cache, 'root')
  const python = path.join(root, 'usr/lib/python3/dist-packages')
  const stamp = path.join(cache, 'complete')
  if (await exists(stamp)) return python
  if (!(await exists('/etc/debian_version'))) throw new OdooUnavailable('this is not Debian')
  if (process.getuid?.() !== 0) throw new OdooUnavailable('only root can install the libraries that Odoo needs')
  await mkdir(cache, { recursive: true })
  await chmod(cache, 0o755)
  const unlock = await lockFile(path.join(cache, 'lock'))
  try {
    // Another process may have installed it meanwhile.
    if (!(await exists(stamp))) await install(cache, root, python, stamp)
  } finally {
    unlock()
  }
  return python
}

/**
 * Waits until no other process has locked this file, and locks it until the returned function is called or this process
 * ends. Two concurrent installations would delete each other's files.
 */
async function lockFile(file: string): Promise<() => void> {
  const holder = spawn('flock', [file, 'sh', '-c', 'echo locked; cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  await Promise.race([
    once(holder.stdout, 'data'),
    once(holder, 'exit').then(([code]) => Promise.reject(new OdooUnavailable(`flock ended with ${code}`)))
  ])
  return () => holder.stdin.end()
}

async function install(cache: string, root: string, python: string, stamp: string): Promise<void> {
  const deb = await download(cache)
  const fresh = path.join(cache, 'unpacking')
  await rm(fresh, { recursive: true, force: true })
  await rm(root, { recursive: true, force: true })
  await run('dpkg-deb', ['-x', deb, fresh])
  await installLibraries(deb)
  for (const name of linked) await symlink(`/usr/share/${name}`, path.join(fresh, 'usr/share', name)).catch(() => {})
  await rename(fresh, root)
  await replaceMissingFonts(python)
  await writeFile(stamp, '')
}

async function download(cache: string): Promise<string> {
  const apt = path.join(cache, 'apt')
  for (const folder of ['lists/partial', 'archives/partial']) await mkdir(path.join(apt, folder), { recursive: true })
  const mirror = await findMirror()
  const list = path.join(apt, 'unstable.list')
  await writeFile(list, `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror} unstable main\n`)
  const options = [
    `Dir::Etc::sourcelist=${list}`,
    'Dir::Etc::sourceparts=-',
    `Dir::State::Lists=${path.join(apt, 'lists')}`,
    `Dir::Cache=${apt}`,
    'Acquire::Languages=none',
    'APT::Sandbox::User=root'
  ].flatMap(option => ['-o', option])
  await run('apt-get', [...options, 'update', '-qq'])
  await run('apt-get', [...options, 'download', '-qq', packageName], { cwd: cache })
  const [deb] = (await readdir(cache))
    .filter(name => name.endsWith('.deb'))
    .sort()
    .reverse()
  if (!deb) throw new OdooUnavailable(`the mirror has no package ${packageName}`)
  return path.join(cache, deb)
}

/** The mirror that this machine takes its packages from; the lists of a fresh image are empty until they are fetched. */
async function findMirror(): Promise<string> {
  const ask = async () => {
    const format = ['--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian', 'Label: Debian']
    return (await run('apt-get', ['indextargets', ...format])).stdout.split('\n').sort().find(Boolean)
  }
  const mirror = (await ask()) ?? (await run('apt-get', ['update', '-qq']).then(ask))
  if (!mirror) throw new OdooUnavailable('apt knows no mirror of Debian')
  return mirror
}

async function installLibraries(deb: string): Promise<void> {
  const { stdout } = await run('dpkg-deb', ['-f', deb, 'Depends'])
  const names = stdout
    .split(',')
    .map(item => (item.split('|')[0] as string).replace(/\(.*\)|:any/g, '').trim())
    .map(name => (name in otherName ? otherName[name] : name))
    .filter(name => name !== null && name !== undefined)
  const waitForOthers = ['-o', 'DPkg::Lock::Timeout=600']
  const install = [
    'install',
    '-y',
    '-qq',
    '--no-install-recommends',
    ...waitForOthers,
    ...new Set([...names, ...alsoNeeded])
  ]
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  await run('apt-get', install, { env, maxBuffer: maxOutputBytes }).catch(async () => {
    // Lists that are older than the mirror name packages that are gone.
    await run('apt-get', ['update', '-qq'])
    await run('apt-get', install, { env, maxBuffer: maxOutputBytes })
  })
}

/** Montserrat is not in stable. Odoo uses it only for texts, so any installed font is sufficient. */
async function replaceMissingFonts(python: string): Promise<void> {
  const fonts = path.join(python, 'odoo/addons/web/static/fonts/google')
  for (const name of await readdir(path.join(fonts, 'Montserrat'))) {
    const file = path.join(fonts, 'Montserrat', name)
    if (await exists(file)) continue
    if ((await readlink(file).catch(() => null)) === null) continue
    await rm(file)
    await symlink('../Roboto/Roboto-Regular.ttf', file)
  }
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false
  )
}
