import { type ConstructorOptions, PgBoss, type Queue } from 'pg-boss'
import { connectionOptions } from './connection.ts'

/** Options of every job. Handlers record a failure and complete; they decide when to stop retrying, not the queue. */
const common = {
  retryLimit: 2_147_483_647,
  // The job of a lost worker is retried at once; after an error the handler delays the retry.
  retryDelay: 0,
  retryBackoff: false,
  // Just under pg-boss's limit of 24 hours: a full walk may take a night.
  expireInSeconds: 82_800,
  heartbeatSeconds: 10,
  // The queue deletes waiting jobs after this time; a long outage must not lose any.
  retentionSeconds: 31_536_000,
  deleteAfterSeconds: 604_800,
  notify: true
} as const satisfies Omit<Queue, 'name'>

/** Jobs for Odoo are retried until they succeed: a denied call after at most five minutes. */
const unending = { retryDelay: 1, retryBackoff: true, retryDelayMax: 300 } as const

/**
 * The queues, created by `sdmk migrate`. `stately`: for each key one job waits and one is active, so that a running job can
 * queue its own successor. `exclusive`: while one waits or runs, another is not accepted. `standard`: each send is a job; if
 * one were merged into an earlier job, a reader that had started before its commit would lose it.
 */
export const queues = {
  'kki-fetch': { ...common, policy: 'stately' },
  'kki-apply': { ...common, policy: 'stately' },
  // The caller waits for the answer and repeats the request if none comes.
  'source-check': { ...common, policy: 'standard', retryLimit: 0, expireInSeconds: 60, deleteAfterSeconds: 3600 },
  'odoo-check': { ...common, policy: 'standard', retryLimit: 0, expireInSeconds: 60, deleteAfterSeconds: 3600 },
  'kki-maintenance': { ...common, policy: 'exclusive' },
  'audit-check': { ...common, policy: 'exclusive' },
  'odoo-state': { ...common, ...unending, policy: 'standard' },
  'odoo-people': { ...common, ...unending, policy: 'standard' },
  'odoo-compare': { ...common, policy: 'exclusive' }
} as const satisfies Record<string, Omit<Queue, 'name'>>

export type QueueName = keyof typeof queues

/** Returns the options of every pg-boss instance here. It neither creates nor changes its schema. */
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

/** Creates or updates pg-boss's schema and our queues. Safe to call by several processes at once. */
export async function migrateQueue(databaseUrl: string): Promise<void> {
  const boss = new PgBoss({
    ...queueOptions(databaseUrl),
    migrate: true,
    createSchema: true,
    supervise: false,
    useListenNotify: false
  })
  // Errors of its statements reject the calls below; without a listener they would also end the process.
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
