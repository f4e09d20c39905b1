/**
 * A PostgreSQL cluster on this machine: three nodes with Patroni, one etcd, HAProxy in front. It is configured by the
 * files of `deploy/ha`; only addresses, folders and passwords are its own.
 */
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmod, chown, copyFile, mkdir, open, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseEnv } from 'node:util'
import pg from 'pg'
import { SdmkError } from '../../sidecar/errors.ts'
import { findAccount, isAllowed } from '../../sidecar/platform/embedded-binaries.ts'
import { silence, unsilence } from './firewall.ts'
import { type ClusterPrograms, installCluster } from './install.ts'
import { descendantsOf, findProcesses, haveEnded, signal } from './processes.ts'

const templates = new URL('../../deploy/ha/', import.meta.url)
const host = '127.0.0.1'
/** A busy machine takes several times as long as an idle one. */
const startMs = 120_000
const promoteMs = 90_000
const stopMs = 20_000

export const nodeNames = ['node1', 'node2', 'node3'] as const
export type NodeName = (typeof nodeNames)[number]

/** A command of the cluster failed; the message has the reason. */
export class ClusterFailed extends SdmkError {
  readonly code = 'SDMK_CLUSTER_FAILED'
}

/** The values that differ between clusters; `cluster.json` in their folder. */
interface Settings {
  password: string
  etcd: number
  etcdPeers: number
  primary: number
  standbys: number
  nodes: Record<NodeName, { postgres: number; patroni: number }>
}

/** A node as Patroni reports it. */
export interface Member {
  name: NodeName
  role: 'leader' | 'sync_standby' | 'replica'
  state: string
}

/** A running cluster. Every method has a limit of time. */
export class Cluster {
  readonly folder: string
  readonly #settings: Settings
  readonly #programs: ClusterPrograms

  constructor(folder: string, settings: Settings, programs: ClusterPrograms) {
    this.folder = folder
    this.#settings = settings
    this.#programs = programs
  }

  /** The database `sdmk` on the primary, through HAProxy, for a login that may do everything. */
  get url(): string {
    return this.#urlAt(this.#settings.primary)
  }

  /** The same on a standby. */
  get readUrl(): string {
    return this.#urlAt(this.#settings.standbys)
  }

  /** The same on this node, without HAProxy. */
  urlOf(name: NodeName): string {
    return this.#urlAt(this.#settings.nodes[name].postgres)
  }

  /** Returns the state of the nodes, as the first node that answers knows it. @throws ClusterFailed */
  async members(): Promise<Member[]> {
    for (const name of nodeNames) {
      const answer = await this.#ask(name, '/cluster').catch(() => null)
      if (answer?.ok) return ((await answer.json()) as { members: Member[] }).members
    }
    throw new ClusterFailed('no node answers')
  }

  /** Returns the primary. Until its lock has expired this is also one that has ended. @throws ClusterFailed */
  async primary(): Promise<NodeName> {
    const leader = (await this.members()).find(({ role }) => role === 'leader')
    if (leader === undefined) throw new ClusterFailed('there is no primary')
    return leader.name
  }

  /** Returns the standby that each commit waits for. @throws ClusterFailed */
  async synchronousStandby(): Promise<NodeName> {
    const standby = (await this.members()).find(({ role }) => role === 'sync_standby')
    if (standby === undefined) throw new ClusterFailed('there is no synchronous standby')
    return standby.name
  }

  /** Ends the node as a power cut does. */
  async kill(name: NodeName): Promise<void> {
    const pids = await this.#freeze(name)
    signal(pids, 'SIGKILL')
    if (!(await haveEnded(pids, stopMs))) throw new ClusterFailed(`${name} does not end`)
  }

  /**
   * Ends the node as a power cut of its host does: no packet of it arrives any more, also none that ends a connection, until
   * `start`. @throws ClusterFailed, PackagesUnavailable
   */
  async vanish(name: NodeName): Promise<void> {
    await silence(this.#portsOf(name))
    await this.kill(name)
  }

  /** Stops all processes of the node until `resume`. */
  async pause(name: NodeName): Promise<void> {
    await this.#freeze(name)
  }

  /** Lets the node continue: first PostgreSQL, so that Patroni cannot stop it in time. */
  async resume(name: NodeName): Promise<void> {
    const { patroni, postgres } = await this.#processesOf(name)
    signal([...postgres, ...patroni], 'SIGCONT')
  }

  /** Starts a node that was killed or has vanished. It joins the cluster later: see `settled`. */
  async start(name: NodeName): Promise<void> {
    await unsilence(this.#portsOf(name))
    const home = path.join(this.folder, name)
    const { python, patroni } = this.#programs
    const env = this.environmentOf(name)
    await this.#spawn([python, patroni, path.join(home, configuration)], env, `${name}.log`)
  }

  /** Makes the synchronous standby the primary, without loss; resolves when it is. @throws ClusterFailed */
  async switchover(): Promise<{ from: NodeName; to: NodeName }> {
    const [from, to] = [await this.primary(), await this.synchronousStandby()]
    const { PATRONI_RESTAPI_USERNAME: user, PATRONI_RESTAPI_PASSWORD: password } = this.environmentOf(from)
    const answer = await this.#ask(from, '/switchover', {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
      body: JSON.stringify({ leader: from, candidate: to }),
      signal: AbortSignal.timeout(promoteMs)
    })
    if (!answer.ok) throw new ClusterFailed(`the switchover was denied: ${answer.status} ${await answer.text()}`)
    await this.replaced(from)
    return { from, to }
  }

  /** Resolves to the new primary once `former` is replaced and HAProxy leads there. @throws ClusterFailed */
  async replaced(former: NodeName): Promise<NodeName> {
    await until(`${former} is replaced`, promoteMs, async () => (await this.primary()) !== former)
    await this.#waitForProxy()
    return this.primary()
  }

  /** Resolves once all nodes follow the primary, one of them synchronously, and HAProxy leads there. @throws ClusterFailed */
  async settled(): Promise<void> {
    await until('all nodes follow the primary', startMs, async () => {
      const members = await this.members()
      const isUp = ({ state }: Member) => state === 'running' || state === 'streaming'
      const isComplete = members.length === nodeNames.length && members.every(isUp)
      if (!isComplete || !members.some(({ role }) => role === 'sync_standby')) return false
      return (await this.#standbysOf(await this.primary())) === nodeNames.length - 1
    })
    await this.#waitForProxy()
  }

  /** Starts and continues whatever was stopped; resolves when the cluster is complete. @throws ClusterFailed */
  async repair(): Promise<void> {
    for (const name of nodeNames) {
      await this.resume(name)
      if ((await this.#processesOf(name)).patroni.length === 0) await this.start(name)
    }
    if ((await findProcesses('haproxy', this.folder)).length === 0) await this.startProxy()
    await this.settled()
  }

  /** Ends HAProxy, and with it all connections through it. */
  async stopProxy(): Promise<void> {
    const pids = await findProcesses('haproxy', this.folder)
    signal(pids, 'SIGKILL')
    await haveEnded(pids, stopMs)
  }

  async startProxy(): Promise<void> {
    const file = path.join(this.folder, 'haproxy.cfg')
    await this.#spawn([this.#programs.haproxy, '-db', '-f', file], this.proxyEnvironment(), 'haproxy.log')
    await this.#waitForProxy()
  }

  /** Ends every process of the cluster, and removes its folder. */
  async close(): Promise<void> {
    for (const name of nodeNames) await unsilence(this.#portsOf(name))
    const nodes = await Promise.all(nodeNames.map(name => this.#processesOf(name)))
    // Patroni first: it would start its server again.
    const others = [
      ...nodes.flatMap(({ patroni }) => patroni),
      ...(await findProcesses('etcd', this.folder)),
      ...(await findProcesses('haproxy', this.folder))
    ]
    signal(others, 'SIGKILL')
    const servers = nodes.flatMap(({ postgres }) => postgres)
    signal(servers, 'SIGCONT')
    // An immediate shutdown, which also frees the shared memory.
    signal(await findProcesses('postgres', this.folder), 'SIGQUIT')
    if (!(await haveEnded(servers, stopMs))) signal(servers, 'SIGKILL')
    if (!(await haveEnded([...others, ...servers], stopMs))) {
      throw new ClusterFailed('some processes of the cluster do not end')
    }
    await rm(this.folder, { recursive: true, force: true })
  }

  /** Returns the values of `patroni.env` for this node. */
  environmentOf(name: NodeName): Record<string, string> {
    const { password, etcd, nodes } = this.#settings
    const home = path.join(this.folder, name)
    const [postgres, patroni] = [`${host}:${nodes[name].postgres}`, `${host}:${nodes[name].patroni}`]
    return {
      PATRONI_NAME: name,
      PATRONI_ETCD_HOSTS: `${host}:${etcd}`,
      PATRONI_RESTAPI_LISTEN: patroni,
      PATRONI_RESTAPI_CONNECT_ADDRESS: patroni,
      PATRONI_RESTAPI_USERNAME: 'patroni',
      PATRONI_RESTAPI_PASSWORD: password,
      PATRONI_POSTGRESQL_LISTEN: postgres,
      PATRONI_POSTGRESQL_CONNECT_ADDRESS: postgres,
      PATRONI_POSTGRESQL_DATA_DIR: path.join(home, 'data'),
      PATRONI_POSTGRESQL_BIN_DIR: this.#programs.postgres,
      PATRONI_POSTGRESQL_PGPASS: path.join(home, 'pgpass'),
      PATRONI_SUPERUSER_USERNAME: 'postgres',
      PATRONI_SUPERUSER_PASSWORD: password,
      PATRONI_REPLICATION_USERNAME: 'replicator',
      PATRONI_REPLICATION_PASSWORD: password
    }
  }

  /** Returns the values of `haproxy.env`. */
  proxyEnvironment(): Record<string, string> {
    const { primary, standbys, nodes } = this.#settings
    const ofNodes = nodeNames.flatMap(name => [
      [`HA_${name.toUpperCase()}`, `${host}:${nodes[name].postgres}`],
      [`HA_${name.toUpperCase()}_PATRONI`, String(nodes[name].patroni)]
    ])
    return {
      HA_PRIMARY: `${host}:${primary}`,
      HA_STANDBYS: `${host}:${standbys}`,
      ...Object.fromEntries(ofNodes)
    }
  }

  /** Starts all parts on an empty folder. */
  async bootstrap(): Promise<void> {
    const { etcd, etcdPeers } = this.#settings
    const shared = parseEnv(await readFile(new URL('etcd.env', templates), 'utf8')) as Record<string, string>
    const peers = `http://${host}:${etcdPeers}`
    const etcdEnv = {
      ...shared,
      ETCD_NAME: 'etcd1',
      ETCD_DATA_DIR: path.join(this.folder, 'etcd'),
      ETCD_LISTEN_CLIENT_URLS: `http://${host}:${etcd}`,
      ETCD_ADVERTISE_CLIENT_URLS: `http://${host}:${etcd}`,
      ETCD_LISTEN_PEER_URLS: peers,
      ETCD_INITIAL_ADVERTISE_PEER_URLS: peers,
      ETCD_INITIAL_CLUSTER: `etcd1=${peers}`
    }
    // The folder is repeated as an option, by which the process is found again. The machine itself never fails here.
    const program = [this.#programs.etcd, '--data-dir', path.join(this.folder, 'etcd'), '--unsafe-no-fsync']
    const { ETCD_DATA_DIR: _, ...etcdRest } = etcdEnv
    await this.#spawn(program, etcdRest, 'etcd.log')
    await until('etcd answers', startMs, async () => (await fetch(`http://${host}:${etcd}/version`)).ok)
    for (const name of nodeNames) await this.start(name)
    await until('there is a primary', startMs, async () => Boolean(await this.primary()))
    await this.#createLogins()
    await this.startProxy()
    await this.settled()
  }

  /** The login that owns everything, the one of the service with the same password, and the database. */
  async #createLogins(): Promise<void> {
    const { password, nodes } = this.#settings
    const url = `postgres://postgres:${password}@${host}:${nodes[await this.primary()].postgres}/postgres`
    await withClient(url, async client => {
      await client.query(`create role sdmk login superuser password ${pg.escapeLiteral(password)}`)
      await client.query(`create role sdmk_service login password ${pg.escapeLiteral(password)}`)
      await client.query('create database sdmk owner sdmk')
    })
  }

  #portsOf(name: NodeName): number[] {
    return Object.values(this.#settings.nodes[name])
  }

  #urlAt(port: number): string {
    return `postgres://sdmk:${this.#settings.password}@${host}:${port}/sdmk`
  }

  #ask(name: NodeName, address: string, init: RequestInit = {}): Promise<Response> {
    const url = `http://${host}:${this.#settings.nodes[name].patroni}${address}`
    return fetch(url, { signal: AbortSignal.timeout(3000), ...init })
  }

  async #standbysOf(name: NodeName): Promise<number> {
    return withClient(this.urlOf(name), async client => {
      const { rows } = await client.query<{ count: number }>(
        `select count(*)::int as count from pg_stat_replication where state = 'streaming'`
      )
      return rows[0]?.count ?? 0
    })
  }

  /**
   * A fresh HAProxy uses every node until its checks have failed. Then connections in turn reach all nodes, so several in
   * a row on the primary show that the checks are done.
   */
  async #waitForProxy(): Promise<void> {
    await until('HAProxy leads to the primary', startMs, async () => {
      for (let n = 0; n < 2 * nodeNames.length; n++) {
        const isPrimary = await withClient(this.url, async client => {
          const { rows } = await client.query('select pg_is_in_recovery() as "isStandby"')
          return rows[0]?.isStandby === false
        })
        if (!isPrimary) return false
      }
      return true
    })
  }

  async #processesOf(name: NodeName): Promise<{ patroni: number[]; postgres: number[] }> {
    const home = path.join(this.folder, name)
    const patroni = await findProcesses('python3', path.join(home, configuration))
    const server = await findProcesses('postgres', `${home}/data`)
    return { patroni, postgres: [...server, ...(await descendantsOf(server))] }
  }

  /** Stops its processes; returns them, without a gap in which a stopped one could start another. */
  async #freeze(name: NodeName): Promise<number[]> {
    const first = await this.#processesOf(name)
    signal([...first.patroni, ...first.postgres], 'SIGSTOP')
    const { patroni, postgres } = await this.#processesOf(name)
    if (patroni.length === 0 && postgres.length === 0) throw new ClusterFailed(`${name} does not run`)
    signal(postgres, 'SIGSTOP')
    return [...patroni, ...postgres]
  }

  async #spawn([file = '', ...args]: string[], env: Record<string, string>, logFile: string): Promise<void> {
    const log = await open(path.join(this.folder, logFile), 'a')
    try {
      const account = await findAccount()
      const child = spawn(file, args, {
        ...account,
        env: { ...this.#programs.env, ...env },
        cwd: '/',
        stdio: ['ignore', log.fd, log.fd],
        // It outlives this process, and Ctrl-C in a terminal does not reach it.
        detached: true
      })
      await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
      child.unref()
    } finally {
      await log.close()
    }
  }
}

/** Starts a cluster in a new folder. @throws ClusterFailed, PackagesUnavailable */
export async function startCluster(folder: string): Promise<Cluster> {
  const programs = await installCluster()
  const account = await findAccount()
  await mkdir(folder, { recursive: false }).catch(cause => {
    throw new ClusterFailed(`${folder} cannot be created; a cluster may run there already`, { cause })
  })
  const place = await realpath(folder)
  await chmod(place, 0o711)
  if (!(await isAllowed(account, '-x', place))) {
    await rm(place, { recursive: true })
    throw new ClusterFailed(`the user of PostgreSQL has no access to ${folder}; choose a folder such as /tmp/sdmk-ha`)
  }
  const settings = await makeSettings()
  await writeFile(path.join(place, 'cluster.json'), JSON.stringify(settings), { mode: 0o600 })
  await copyFile(new URL('haproxy.cfg', templates), path.join(place, 'haproxy.cfg'))
  for (const name of [...nodeNames, 'etcd']) {
    const home = path.join(place, name)
    await mkdir(home, { mode: 0o700 })
    if (name !== 'etcd') await configureNode(home)
    if (account.uid !== undefined && account.gid !== undefined) await chown(home, account.uid, account.gid)
  }
  const cluster = new Cluster(place, settings, programs)
  try {
    await cluster.bootstrap()
    return cluster
  } catch (error) {
    const cause = await lastLines(place)
    await cluster.close()
    throw new ClusterFailed(`the cluster does not start: ${error}\n${cause}`, { cause: error })
  }
}

/** Returns the cluster that was started in this folder. @throws ClusterFailed, PackagesUnavailable */
export async function openCluster(folder: string): Promise<Cluster> {
  const text = await readFile(path.join(folder, 'cluster.json'), 'utf8').catch(cause => {
    throw new ClusterFailed(`there is no cluster in ${folder}`, { cause })
  })
  return new Cluster(await realpath(folder), JSON.parse(text) as Settings, await installCluster())
}

/** Patroni reads all files of this folder of a node. */
const configuration = 'configuration'

async function configureNode(home: string): Promise<void> {
  const folder = path.join(home, configuration)
  await mkdir(folder, { mode: 0o755 })
  await copyFile(new URL('patroni.yml', templates), path.join(folder, 'patroni.yml'))
  // Debian's folder for sockets need not exist here.
  const own = `postgresql:\n  parameters:\n    unix_socket_directories: ${home}\n`
  await writeFile(path.join(folder, 'sockets.yml'), own)
}

async function makeSettings(): Promise<Settings> {
  const ports = await freePorts(4 + 2 * nodeNames.length)
  const next = () => ports.pop() as number
  return {
    password: randomBytes(16).toString('hex'),
    etcd: next(),
    etcdPeers: next(),
    primary: next(),
    standbys: next(),
    nodes: Object.fromEntries(nodeNames.map(name => [name, { postgres: next(), patroni: next() }])) as Settings['nodes']
  }
}

/**
 * Returns free ports below those that the kernel gives to outgoing connections: one of these could take the port of a node
 * while it is down.
 */
async function freePorts(count: number): Promise<number[]> {
  const [lowest, highest] = [20_000, 32_000]
  const found = new Set<number>()
  for (let attempt = 0; attempt < 1000 && found.size < count; attempt++) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest))
    const server = createServer()
    const isFree = await new Promise<boolean>(resolve => {
      server.once('error', () => resolve(false)).listen(port, host, () => resolve(true))
    })
    if (!isFree) continue
    await new Promise(resolve => server.close(resolve))
    found.add(port)
  }
  if (found.size < count) throw new ClusterFailed('not enough ports are free')
  return [...found]
}

async function lastLines(folder: string): Promise<string> {
  const logs = ['etcd', ...nodeNames, 'haproxy'].map(async name => {
    const text = await readFile(path.join(folder, `${name}.log`), 'utf8').catch(() => '')
    return `${name}: ${text.trim().split('\n').slice(-3).join('\n  ')}`
  })
  return (await Promise.all(logs)).join('\n')
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3000, query_timeout: 10_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await work(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** Waits until `check` is true; an error counts as false. @throws ClusterFailed */
async function until(what: string, ms: number, check: () => Promise<boolean>): Promise<void> {
  let last: unknown
  for (const end = Date.now() + ms; Date.now() < end; await wait(200)) {
    try {
      if (await check()) return
    } catch (error) {
      last = error
    }
  }
  throw new ClusterFailed(`not within ${ms / 1000} s: ${what}`, { cause: last })
}
