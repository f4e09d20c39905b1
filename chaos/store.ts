import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, mkdir, open, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import { findAccount, usableBinaries } from '../sidecar/platform/embedded-binaries.ts'
import { startEmbeddedDatabase } from '../sidecar/platform/embedded-database.ts'
import { silent } from '../test/helpers/server.ts'
import { type Cluster, startCluster } from '../tools/ha/cluster.ts'

const run = promisify(execFile)
/** Space for a run's database, the template and the log; the rest can be filled quickly. */
const diskMegabytes = 900

/** A lane's PostgreSQL: one server, on a separate disk if one can be mounted, or a cluster. */
export interface Store {
  url: string
  /** Null for one server. */
  cluster: Cluster | null
  /** Why its disk cannot be filled; null if it can. */
  whyNoDisk: string | null
  restart(mode: 'fast' | 'immediate'): Promise<void>
  /** Fills the disk completely; returns a function that frees it, and restarts the server if it has ended. */
  fill(): Promise<() => Promise<void>>
  /** Resolves when it is as at the start, before the next run. */
  ready(): Promise<void>
  close(): Promise<void>
}

/** Starts a cluster, whose faults are those of its nodes. @throws ClusterFailed, PackagesUnavailable */
export async function createClusterStore(folder: string): Promise<Store> {
  const cluster = await startCluster(path.join(folder, 'cluster'))
  const impossible = async () => {
    throw new Error('this fault is for one server, not for a cluster')
  }
  return {
    url: cluster.url,
    cluster,
    whyNoDisk: 'the nodes of a cluster have no disk of their own here',
    restart: impossible,
    fill: impossible,
    ready: () => cluster.repair(),
    close: () => cluster.close()
  }
}

/**
 * Starts a PostgreSQL in a folder that every user may access.
 * @param env further environment of the server
 */
export async function createStore(folder: string, env: Record<string, string> = {}): Promise<Store> {
  const account = await findAccount()
  const disk = path.join(folder, 'disk')
  await mkdir(disk, { recursive: true })
  const whyNoDisk = await run('mount', ['-t', 'tmpfs', '-o', `size=${diskMegabytes}m`, 'chaos', disk]).then(
    () => null,
    () => 'a separate file system cannot be mounted here'
  )
  await chmod(disk, 0o711)
  const unmount = async () => {
    if (whyNoDisk === null) await run('umount', ['-l', disk]).catch(() => undefined)
  }
  try {
    const settings = {
      max_connections: '150',
      shared_buffers: '128MB',
      max_wal_size: '160MB',
      min_wal_size: '64MB',
      // The matrix has no fault of the machine itself, so all data that PostgreSQL has written counts as stored.
      fsync: 'off'
    }
    const server = await startEmbeddedDatabase({ directory: disk, logger: silent, settings })
    const data = path.join(disk, 'postgres/cluster/data')
    const binaries = await usableBinaries(account, path.join(disk, 'postgres'))
    const ctl = async (...args: string[]) =>
      run(path.join(binaries, 'bin/pg_ctl'), [...args, '-w', `--pgdata=${data}`, `--log=${data}/../start.log`], {
        ...account,
        cwd: '/',
        env: { PATH: '/usr/bin:/bin', LC_ALL: 'C', ...env },
        timeout: 60_000
      })
    const options = `-c port=${new URL(server.url).port} ${Object.entries({
      ...settings,
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      work_mem: '32MB',
      maintenance_work_mem: '64MB',
      random_page_cost: '1.1',
      timezone: 'UTC'
    })
      .map(([name, value]) => `-c ${name}='${value}'`)
      .join(' ')}`
    const ensureUp = async () => {
      for (let attempt = 0; attempt < 20; attempt++) {
        if (await answers(server.url)) return
        await ctl('start', `--options=${options}`).catch(() => undefined)
        await wait(250)
      }
      throw new Error('the lane’s PostgreSQL does not come back')
    }
    if (Object.keys(env).length > 0) {
      await ctl('stop', '--mode=fast')
      await ensureUp()
    }
    return {
      url: server.url,
      cluster: null,
      whyNoDisk,
      ready: async () => undefined,
      async restart(mode) {
        await ctl('stop', `--mode=${mode}`)
        await ensureUp()
      },
      async fill() {
        const file = path.join(disk, `ballast-${randomBytes(4).toString('hex')}`)
        await fillWith(file)
        if (account.uid !== undefined && account.gid !== undefined) await chown(file, account.uid, account.gid)
        return async () => {
          await rm(file, { force: true })
          await ensureUp()
        }
      },
      async close() {
        await ctl('stop', '--mode=immediate').catch(() => undefined)
        await unmount()
      }
    }
  } catch (error) {
    await unmount()
    throw error
  }
}

async function fillWith(file: string): Promise<void> {
  const handle = await open(file, 'w', 0o600)
  try {
    for (let size = 1 << 20; size >= 4096; ) {
      const { bytesWritten } = await handle.write(Buffer.alloc(size)).catch(() => ({ bytesWritten: 0 }))
      if (bytesWritten < size) size >>= 1
    }
  } finally {
    await handle.close()
  }
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}
