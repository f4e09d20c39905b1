import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type pg from 'pg'
import type { Cluster } from '../tools/ha/cluster.ts'
import type { Clocks } from './clocks.ts'
import type { Hold } from './proxy.ts'
import { type Peer, peers, type Replica } from './replica.ts'
import type { StepName } from './steps.ts'
import { stepNames, steps } from './steps.ts'
import type { Store } from './store.ts'

/** The target of a fault: the replica that was stopped at its step, and its lane. */
export interface Scene {
  hold: Hold
  victim: Replica
  replicas: readonly Replica[]
  store: Store
  secretsDir: string
  /** Null if they cannot be shifted in this lane. */
  clocks: Clocks | null
  /** A direct connection without proxies, to the maintenance database. */
  admin: () => Promise<pg.Client>
  /** The fence of the stopped batch, which rises when another replica takes it. Null if no batch was stopped. */
  fenceOf(hold: Hold): Promise<number | null>
  /** A whole number below `limit`, drawn from the run's seed. */
  draw(limit: number): number
}

/** Injects the fault while the step is held, and releases the step. Resolves at the end of the fault, to that time. */
type Strike = (scene: Scene) => Promise<number>

/**
 * Longer than a job's heartbeat plus the interval of its check: another replica has the job by then, and the batch too,
 * unless the paused one keeps it locked in an open transaction.
 */
const pauseMs = 15_000

const problem = '{"title":"Forbidden","status":403}'
const forbidden = Buffer.from(
  `HTTP/1.1 403 Forbidden\r\ncontent-type: application/problem+json\r\ncontent-length: ${problem.length}\r\n\r\n${problem}`
)

/** Time in which a process finishes a page. */
const pageMs = 500

/** Stops the process until another has taken its batch, and for `ms` more. */
async function pauseUntilTaken({ hold, victim, fenceOf }: Scene, ms: number): Promise<void> {
  const before = await fenceOf(hold)
  victim.pause()
  for (const until = Date.now() + pauseMs; Date.now() < until; await wait(100)) {
    // The worst time to wake up is while another replica works on the batch.
    if (before !== null && (await fenceOf(hold)) !== before) return void (await wait(ms))
  }
}

const down =
  (peer: Peer, ms: number): Strike =>
  async ({ hold, replicas }) => {
    for (const { proxies } of replicas) proxies[peer].down()
    hold.release()
    await wait(ms)
    for (const { proxies } of replicas) proxies[peer].up()
    return Date.now()
  }

/** How long a fault of a whole node lasts: longer than its lock, and longer than every time limit of a connection. */
const zombieMs = { short: 40_000, long: 100_000 }

/**
 * Does something to the cluster while the step is held; or, as the seed decides, shortly after its release, so that the
 * statement is on its way then.
 */
async function strikeCluster({ hold, store, draw }: Scene, strike: (cluster: Cluster) => Promise<void>): Promise<void> {
  if (store.cluster === null) throw new Error('this fault needs --cluster')
  if (draw(2) === 1) {
    hold.release()
    await wait(draw(20))
  }
  await strike(store.cluster)
  hold.release()
}

/** Stops the primary's processes for so long; it wakes up as a zombie. */
const pausePrimary =
  (ms: number): Strike =>
  async scene => {
    await strikeCluster(scene, async cluster => {
      const victim = await cluster.primary()
      await cluster.pause(victim)
      await wait(ms)
      await cluster.resume(victim)
    })
    return Date.now()
  }

/** Longer than a batch takes, so that some begin and end meanwhile. */
const jumpMs = 8000

/** libfaketime reads its file again after a second, so a process may have the wrong time until then. */
const clockCacheMs = 3000

/** Shifts a clock by so many days for some seconds. */
const jump =
  (clock: keyof Clocks, days: number): Strike =>
  async ({ hold, clocks }) => {
    if (clocks === null) throw new Error('this fault needs --clocks')
    await clocks[clock](days * 86_400)
    hold.release()
    await wait(jumpMs)
    await clocks[clock](0)
    const corrected = Date.now()
    await wait(clockCacheMs)
    return corrected
  }

const restart =
  (mode: 'fast' | 'immediate'): Strike =>
  async ({ hold, store }) => {
    await store.restart(mode)
    hold.release()
    return Date.now()
  }

export const faults = {
  sigkill: async ({ hold, victim }) => {
    victim.kill()
    const at = Date.now()
    await untilGone(hold)
    return at
  },
  sigstop: async scene => {
    await pauseUntilTaken(scene, scene.draw(600))
    // The statement that it sent before it was stopped is executed now, and it wakes up with the answer in transit.
    scene.hold.release()
    scene.victim.resume()
    return Date.now()
  },
  'sigstop-denied': async scene => {
    // With an unfinished page, the database would first report that another replica has the batch.
    await wait(pageMs)
    await pauseUntilTaken(scene, 0)
    // It wakes up to an answer that would end the batch, if it still had it.
    scene.hold.answer(forbidden)
    scene.victim.resume()
    return Date.now()
  },
  'database-cut': async ({ hold, victim, draw }) => {
    victim.proxies.database.down()
    hold.release()
    await wait(draw(2000))
    victim.proxies.database.up()
    return Date.now()
  },
  'backend-kill': async ({ hold, victim, admin }) => {
    const client = await admin()
    const isOfStep = victim.proxies.database.localPorts().includes(hold.localPort)
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where client_port = any ($1) order by xact_start nulls last limit 1`,
      [isOfStep ? [hold.localPort] : victim.proxies.database.localPorts()]
    )
    await client.end().catch(() => undefined)
    const pid = rows[0]?.pid
    if (pid === undefined || !(await isBackend(pid))) throw new Error('no backend of the replica was found')
    process.kill(pid, 'SIGKILL')
    hold.release()
    return Date.now()
  },
  'postgres-restart': restart('fast'),
  'postgres-crash': restart('immediate'),
  'kki-down': down('kki', 2500),
  'kki-slow': async ({ hold, replicas }) => {
    for (const { proxies } of replicas) proxies.kki.replyDelayMs = 6000
    hold.release()
    await wait(6000)
    for (const { proxies } of replicas) proxies.kki.up()
    return Date.now()
  },
  'kki-cut': async ({ hold, draw }) => {
    hold.releaseAndCutAfter(1 + draw(2000))
    return Date.now()
  },
  'kki-lost': async ({ hold }) => {
    hold.releaseAndCutAfter(0)
    return Date.now()
  },
  'odoo-down': down('odoo', 5000),
  'odoo-lost': async ({ hold }) => {
    hold.cut()
    return Date.now()
  },
  'secrets-down': async ({ hold, secretsDir }) => {
    const aside = `${secretsDir}.away`
    await rename(secretsDir, aside)
    // A file replaces the folder, so that it can be neither read nor created.
    await writeFile(secretsDir, '')
    hold.release()
    // Tokens are valid for 12 seconds and renewed after half of that, so one renewal happens within this time.
    await wait(7000)
    await rm(secretsDir)
    await rename(aside, secretsDir)
    return Date.now()
  },
  'disk-full': async ({ hold, store }) => {
    const empty = await store.fill()
    hold.release()
    await wait(5000)
    await empty()
    return Date.now()
  },
  'primary-killed': async scene => {
    let at = 0
    await strikeCluster(scene, async cluster => {
      const victim = await cluster.primary()
      await cluster.kill(victim)
      await cluster.replaced(victim)
      at = Date.now()
      await cluster.start(victim)
    })
    return at
  },
  'primary-paused': pausePrimary(zombieMs.short),
  'primary-paused-long': pausePrimary(zombieMs.long),
  'primary-vanished': async scene => {
    let at = 0
    await strikeCluster(scene, async cluster => {
      const victim = await cluster.primary()
      await cluster.vanish(victim)
      await cluster.replaced(victim)
      at = Date.now()
      await cluster.start(victim)
    })
    return at
  },
  switchover: async scene => {
    await strikeCluster(scene, async cluster => void (await cluster.switchover()))
    return Date.now()
  },
  'standby-killed': async scene => {
    let at = 0
    await strikeCluster(scene, async cluster => {
      const victim = await cluster.synchronousStandby()
      await cluster.kill(victim)
      at = Date.now()
      await cluster.start(victim)
    })
    return at
  },
  'proxy-down': async scene => {
    await strikeCluster(scene, async cluster => {
      await cluster.stopProxy()
      await wait(5000)
      await cluster.startProxy()
    })
    return Date.now()
  },
  'clock-ours-ahead': jump('ours', 1),
  'clock-ours-behind': jump('ours', -1),
  'clock-database-ahead': jump('database', 1),
  'clock-database-behind': jump('database', -1),
  'clock-kki-ahead': jump('kki', 1),
  'clock-kki-behind': jump('kki', -1)
} as const satisfies Record<string, Strike>

/**
 * The lane that a fault needs. `clocks`: its clocks can be shifted, and the run may end as failed, because the connector
 * applies nothing while a clock is wrong; another run must then lead to the same registry.
 */
export type Setting = 'server' | 'cluster' | 'clocks'

const ofCluster: readonly string[] = [
  'primary-killed',
  'primary-paused',
  'primary-paused-long',
  'primary-vanished',
  'switchover',
  'standby-killed',
  'proxy-down'
] satisfies FaultName[]

export function settingOf(fault: FaultName): Setting {
  if (ofCluster.includes(fault)) return 'cluster'
  return fault.startsWith('clock-') ? 'clocks' : 'server'
}

export type FaultName = keyof typeof faults
export const faultNames = Object.keys(faults) as FaultName[]

/** Returns why a fault has no effect at a step; null if it can have one. */
export function whyMeaningless(step: StepName, fault: FaultName): string | null {
  const { peer, where }: { peer: Peer; where: string } = steps[step]
  if (fault === 'kki-cut' || fault === 'kki-lost') {
    return peer === 'kki' ? null : 'no answer of KKI is in transit at this step'
  }
  if (fault === 'sigstop-denied') {
    return step === 'fetch' ? null : 'no page of the list is pending at this step'
  }
  if (fault === 'odoo-lost') {
    return step === 'project-after' ? null : 'an answer is lost after Odoo’s commit by definition'
  }
  if (fault === 'secrets-down' && !['token', 'fetch'].includes(step)) {
    return 'no secret is read or written for this step'
  }
  if (fault === 'kki-slow' && where === 'reply' && peer !== 'kki') return 'no request to KKI follows this answer'
  return null
}

export interface Pair {
  step: StepName
  fault: FaultName
}

/** All pairs with an effect. */
export const pairs: Pair[] = stepNames.flatMap(step =>
  faultNames.filter(fault => whyMeaningless(step, fault) === null).map(fault => ({ step, fault }))
)

/** Ends all remaining effects of faults. */
export function calm(replicas: readonly Replica[]): void {
  for (const replica of replicas) {
    replica.resume()
    for (const peer of peers) {
      replica.proxies[peer].disarm()
      replica.proxies[peer].up()
    }
  }
}

async function untilGone(hold: Hold): Promise<void> {
  for (let i = 0; i < 200 && !hold.isGone; i++) await wait(25)
  if (!hold.isGone) throw new Error('the killed replica’s connection still exists')
}

async function isBackend(pid: number): Promise<boolean> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'postgres')
  return name.trim() === 'postgres'
}
