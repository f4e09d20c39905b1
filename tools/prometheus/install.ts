/**
 * A real Prometheus and Alertmanager without Docker: Debian's packages, unpacked into a cache folder. They are not installed:
 * their services would start where there is an init.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const cache = '/var/cache/sdmk-prometheus'
const packages = ['prometheus', 'prometheus-alertmanager']
/** Debian's Alertmanager reads its own templates from here, wherever it lies itself. */
const templates = '/usr/share/prometheus/alertmanager'

/** This machine cannot have a Prometheus, and why. */
export class PrometheusUnavailable extends Error {}

/** The paths of the four programs. */
export interface PrometheusPrograms {
  prometheus: string
  alertmanager: string
  promtool: string
  amtool: string
}

/** Returns the programs; unpacks them where they are not there yet. @throws PrometheusUnavailable */
export async function installPrometheus(): Promise<PrometheusPrograms> {
  const root = path.join(cache, 'root')
  if (!existsSync(root)) await unpack(root)
  if (!existsSync(templates)) {
    await mkdir(path.dirname(templates), { recursive: true })
    await symlink(path.join(root, templates), templates).catch(error => {
      if (!existsSync(templates)) throw new PrometheusUnavailable(`${templates} cannot be made`, { cause: error })
    })
  }
  const bin = path.join(root, 'usr/bin')
  return {
    prometheus: path.join(bin, 'prometheus'),
    alertmanager: path.join(bin, 'prometheus-alertmanager'),
    promtool: path.join(bin, 'promtool'),
    amtool: path.join(bin, 'amtool')
  }
}

async function unpack(root: string): Promise<void> {
  if (!existsSync('/etc/debian_version')) throw new PrometheusUnavailable('this is not Debian')
  if (process.getuid?.() !== 0) throw new PrometheusUnavailable('only root can fill the cache folder')
  // Of its own, so that two that come together do not meet; who is last finds the other's work done.
  const fresh = path.join(cache, `unpacking-${process.pid}`)
  await mkdir(fresh, { recursive: true })
  try {
    const download = ['-o', 'APT::Sandbox::User=root', 'download', '-qq', ...packages]
    await run('apt-get', download, { cwd: fresh }).catch(async () => {
      // The lists of a fresh image are empty, and old ones name packages that are gone.
      await run('apt-get', ['update', '-qq'])
      await run('apt-get', download, { cwd: fresh })
    })
    const debs = (await readdir(fresh)).filter(name => name.endsWith('.deb'))
    for (const deb of debs) await run('dpkg-deb', ['-x', deb, 'root'], { cwd: fresh })
    await rename(path.join(fresh, 'root'), root).catch(error => {
      if (!existsSync(root)) throw error
    })
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}
