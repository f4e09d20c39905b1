import { type ConstructorOptions, PgBoss, type Queue } from 'pg-boss'
import { connectionOptions } from './connection.ts'

/** What every job inherits. Handlers record what happened and complete; when a job is given up they say, not the queue. */
const common = {
  retryLimit: 2_147_483_647,
  // A lost worker's job is taken up at once; one that throws is held back by who handles it.
  retryDelay: 0,
  retryBackoff: false,
  // Just under pg-boss's limit of 24 hours: a full walk may take a night.
  expireInSeconds: 82_800,
  heartbeatSeconds: 10,
  // Waiting jobs are deleted after this; a long outage must not lose any.
  retentionSeconds: 31_536_000,
  deleteAfterSeconds: 604_800,
  notify: true
} as const satisfies Omit<Queue, 'name'>

/** What Odoo is to know is tried until it knows: a refusal is tried again after at most five minutes. */
const unending = { retryDelay: 1, retryBackoff: true, retryDelayMax: 300 } as const

/**
 * The queues, made by `sdmk migrate`. `stately`: for each key one job waits and one is active, so that a running job
 * can queue its own successor; `exclusive`: while one waits or runs, another send is not taken; `standard`: each send is
 * a job, since one that was folded into an earlier job could be lost to a reader who had begun before its commit.
 */
export const queues = {
  'kki-fetch': { ...common, policy: 'stately' },
  'kki-apply': { ...common, policy: 'stately' },
  // Somebody waits for the answer: what is not answered is asked again by them.
  'source-check': { ...common, policy: 'standard', retryLimit: 0, expireInSeconds: 60, deleteAfterSeconds: 3600 },
  'kki-housekeeping': { ...common, policy: 'exclusive' },
  'audit-check': { ...common, policy: 'exclusive' },
  'odoo-state': { ...common, ...unending, policy: 'standard' },
  'odoo-people': { ...common, ...unending, policy: 'standard' },
  'odoo-compare': { ...common, policy: 'exclusive' }
} as const satisfies Record<string, Omit<Queue, 'name'>>

export type QueueName = keyof typeof queues

/** Returns what every instance of pg-boss here is made with. It neither makes nor changes its schema. */
export function queueOptions(databaseUrl: string): ConstructorOptions {
  return {
    ...connectionOptions(databaseUrl, 'sdmk queue'),
    schema: 'pgboss',
    max: 4,
    migrate: false,
    createSchema: false,
    schedule: false,
    registerInstance: false,
    useListenNotify: true,
    // A lost worker is noticed within heartbeat + monitor + one tick of the supervisor: with both at the same five
    // seconds a tick that comes just too early adds five more.
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 2
  }
}

/** Makes or updates pg-boss's schema and our queues. Safe to call by several processes at once. */
export async function migrateQueue(databaseUrl: string): Promise<void> {
  const boss = new PgBoss({
    ...queueOptions(databaseUrl),
    migrate: true,
    createSchema: true,
    supervise: false,
    useListenNotify: false
  })
  // Errors of its statements reject the calls below; without a listener they would end the process as well.
  boss.on('error', () => undefined)
  try {
    await boss.start()
    for (const [name, options] of Object.entries(queues)) {
      await boss.createQueue(name, options)
      const { policy: _fixed, ...changeable } = options
      await boss.updateQueue(name, changeable)
    }
  } finally {
    await boss.stop({ graceful: false })
  }
}
