import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { type ConstructorOptions, PgBoss, type Queue } from 'pg-boss'
import pgBossPackage from 'pg-boss/package.json' with { type: 'json' }
import { connectionOptions } from './connection.ts'
import { MigrationFailed } from './errors.ts'

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

/** The version of pg-boss's schema that this program needs. */
export const queueSchemaVersion = pgBossPackage.pgboss.schema

/** The name of each running process's connections to the queue. */
const sessionName = 'sdmk queue'

/** Returns the options of every pg-boss instance here. It neither creates nor changes its schema. */
export function queueOptions(databaseUrl: string, applicationName = sessionName): ConstructorOptions {
  return {
    ...connectionOptions(databaseUrl, applicationName),
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

/** Returns how the queue's schema in the database compares with the one that this program's pg-boss needs. */
export async function compareQueueSchema(connection: pg.ClientBase): Promise<'missing' | 'older' | 'same' | 'newer'> {
  const { rows: tables } = await connection.query<{ exists: boolean }>(
    `select to_regclass('pgboss.version') is not null as exists`
  )
  if (!tables[0]?.exists) return 'missing'
  const { rows } = await connection.query<{ version: number }>('select version::int as version from pgboss.version')
  const found = rows[0]?.version ?? 0
  if (found === queueSchemaVersion) return 'same'
  return found < queueSchemaVersion ? 'older' : 'newer'
}

/** Returns how many connections running processes have to the queue of this database. */
export async function queueSessions(connection: pg.ClientBase): Promise<number> {
  const { rows } = await connection.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity
    where datname = current_database() and application_name = $1`,
    [sessionName]
  )
  return rows[0]?.count ?? 0
}

/**
 * Creates or updates pg-boss's schema and our queues. Safe to call by several processes at once.
 *
 * @throws MigrationFailed if an index of a new schema cannot be built
 */
export async function migrateQueue(databaseUrl: string): Promise<void> {
  const boss = new PgBoss({
    ...queueOptions(databaseUrl, 'sdmk migrate queue'),
    migrate: true,
    createSchema: true,
    supervise: false,
    useListenNotify: false,
    // The shortest that it accepts: a second call within this time waits for its end.
    bamIntervalSeconds: 10
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
    await waitForIndexes(boss)
  } finally {
    await boss.stop({ graceful: false })
  }
}

const indexesMs = 600_000
const indexesAskMs = 100

/** pg-boss builds the indexes of a new schema in the background, and only here: a running process does not migrate. */
async function waitForIndexes(boss: PgBoss): Promise<void> {
  // An index that an earlier call could not build is tried again.
  let hasFailed = false
  boss.on('bam', ({ status }) => {
    hasFailed ||= status === 'failed'
  })
  for (const end = Date.now() + indexesMs; ; await sleep(indexesAskMs)) {
    const open = (await boss.getBamStatus()).filter(({ status }) => status !== 'completed')
    if (open.length === 0) return
    if ((hasFailed && open.every(({ status }) => status === 'failed')) || Date.now() > end) {
      throw new MigrationFailed('Indexes of the queue could not be built; run "sdmk migrate" again')
    }
  }
}
