import { existsSync } from 'node:fs'
import path from 'node:path'
import { PackagesUnavailable, unpackPackages } from '../debian/unpack.ts'

/** Debian's Python; another one that stands first in the path lacks the modules. */
const python = '/usr/bin/python3'

/** The programs of a cluster, and the environment that they find their libraries with. */
export interface ClusterPrograms {
  python: string
  patroni: string
  etcd: string
  haproxy: string
  /** The folder of PostgreSQL's programs. */
  postgres: string
  env: Record<string, string>
}

/** Returns Debian's Patroni, etcd, HAProxy and PostgreSQL 15. @throws PackagesUnavailable */
export async function installCluster(): Promise<ClusterPrograms> {
  if (!existsSync(python)) throw new PackagesUnavailable(`${python} is missing`)
  const packages = ['patroni', 'etcd-server', 'haproxy', 'postgresql-15']
  const root = await unpackPackages('/var/cache/sdmk-ha', packages, { withDependencies: true })
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
  return {
    python,
    patroni: path.join(root, 'usr/bin/patroni'),
    etcd: path.join(root, 'usr/bin/etcd'),
    haproxy: path.join(root, 'usr/sbin/haproxy'),
    postgres: path.join(root, 'usr/lib/postgresql/15/bin'),
    env: {
      PATH: '/usr/bin:/bin',
      LC_ALL: 'C.UTF-8',
      LD_LIBRARY_PATH: path.join(root, `usr/lib/${machine}-linux-gnu`),
      PYTHONPATH: path.join(root, 'usr/lib/python3/dist-packages')
    }
  }
}
