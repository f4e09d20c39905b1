/**
 * A real Prometheus and Alertmanager without Docker: Debian's packages, unpacked into a cache folder. They are not
 * installed, because on a machine with an init system their services would start.
 */
import { existsSync } from 'node:fs'
import { mkdir, symlink } from 'node:fs/promises'
import path from 'node:path'
import { PackagesUnavailable, unpackPackages } from '../debian/unpack.ts'

const cache = '/var/cache/sdmk-prometheus'
const packages = ['prometheus', 'prometheus-alertmanager']
/** Debian's Alertmanager always reads its own templates from here. */
const templates = '/usr/share/prometheus/alertmanager'

/** The paths of the four programs. */
export interface PrometheusPrograms {
  prometheus: string
  alertmanager: string
  promtool: string
  amtool: string
}

/** Returns the programs; unpacks them if they are missing. @throws PackagesUnavailable */
export async function installPrometheus(): Promise<PrometheusPrograms> {
  const root = await unpackPackages(cache, packages)
  if (!existsSync(templates)) {
    await mkdir(path.dirname(templates), { recursive: true })
    await symlink(path.join(root, templates), templates).catch(error => {
      if (!existsSync(templates)) throw new PackagesUnavailable(`${templates} cannot be created`, { cause: error })
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
