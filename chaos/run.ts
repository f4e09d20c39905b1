import pg from 'pg'
import {
  addAudit,
  addOdoo,
  contents,
  countByOrder,
  type Difference,
  difference,
  type Snapshot,
  takeSnapshot
} from './compare.ts'
import { calm, faults, type Pair, settingOf } from './faults.ts'
import type { Lane, Stage } from './lane.ts'
import type { Hold } from './proxy.ts'
import type { Replica } from './replica.ts'
import { gateOf, steps } from './steps.ts'
import { Watch, within } from './watch.ts'

const hitMs = 180_000

/** The result of one run; a line of the raw results. */
export interface Result extends Partial<Pair> {
  /** The safety that was switched off. */
  sabotage?: string | null
  seed: number
  /** True if the fault provably hit while its step was held. */
  counted: boolean
  why?: string
  /** When the step was reached, ISO; the stopped unit, and its batch or job. */
  hitAt?: string
  marker?: string
  replica?: number
  batch?: number | null
  job?: string | null
  /** From the end of the fault to the next progress of its batch or job; null if there was none. */
  resumeSeconds?: number | null
  seconds: number
  finished: boolean
  lost: number
  duplicated: number
  examples: string[]
  mostBatchesAtOnce: number
  /** Processes that ended without a kill by the fault. */
  ownEnds: number
  digests: Record<string, string>
}

export interface RunOptions {
  lane: Lane
  name: string
  /** The command line of the tested sidecar. */
  sdmk: string
  seed: number
  /** Null for an undisturbed run. */
  pair: Pair | null
  /** Null if others are compared with this run. */
  expected: Snapshot | null
  /** After this the run counts as lost. */
  limitMs: number
  signal: AbortSignal
}

/** Makes one full run under one fault, and compares its results. */
export async function makeRun(options: RunOptions): Promise<{ result: Result; snapshot: Snapshot }> {
  const { lane, name, sdmk, seed, pair, expected, limitMs, signal } = options
  const draw = drawer(seed)
  const started = Date.now()
  const stage = await lane.open(name, sdmk)
  const watch = new Watch(stage.pool)
  try {
    const hit = pair && armed(stage, pair, draw)
    await stage.startRun()
    const struck =
      hit && pair ? await strike({ lane, stage, watch, pair, draw, limitMs, signal }, hit) : { counted: true }
    const isOfClock = pair !== null && settingOf(pair.fault) === 'clocks'
    let finished = await within(limitMs, signal, () => isOver(stage))
    if (finished && isOfClock) {
      // The clocks are right again. Whatever the first run applied, this one must complete it.
      await stage.startRun()
      finished = await within(limitMs, signal, () => isOver(stage))
    }
    const resumeSeconds = 'resumed' in struck ? await struck.resumed() : undefined
    if (expected === null && (await countByOrder(stage.pool)) > 0) {
      throw new Error(
        'in the feed of this seed, unmatched people of two batches contradict each other; use another --seed'
      )
    }
    const snapshot = await takeSnapshot(stage.pool)
    const compared = isOfClock ? contents : undefined
    const found: Difference = expected
      ? difference(expected, snapshot, compared)
      : { lost: 0, duplicated: 0, examples: [] }
    if (!finished) {
      found.lost++
      found.examples.unshift(`not over within ${limitMs / 1000} s: ${await whatIsLeft(stage)}`)
    }
    const odoo = await addOdoo(found, stage.pool, lane.odoo.theirs)
    await addAudit(found, stage.pool, stage.secretsDir)
    const { resumed: _, ...told } = { resumed: null, ...struck }
    const result: Result = {
      seed,
      ...pair,
      ...told,
      ...(resumeSeconds !== undefined && { resumeSeconds }),
      seconds: Math.round((Date.now() - started) / 100) / 10,
      finished,
      ...found,
      mostBatchesAtOnce: watch.mostAtOnce,
      ownEnds: stage.replicas.reduce((sum, { ownEnds }) => sum + ownEnds, 0),
      digests: { ...snapshot.digests, odoo }
    }
    return { result, snapshot }
  } finally {
    calm(stage.replicas)
    await watch.stop()
    await stage.close()
  }
}

interface Hit {
  hold: Hold
  victim: Replica
}

/** Sets the step's gate at all replicas; after a random number of units, the next replica that reaches it is stopped. */
function armed(stage: Stage, pair: Pair, draw: (limit: number) => number): Promise<Hit> {
  const { peer, maxSkip } = steps[pair.step]
  const matches = gateOf(pair.step, draw(maxSkip + 1))
  const { promise, resolve } = Promise.withResolvers<Hit>()
  for (const victim of stage.replicas) {
    victim.proxies[peer].arm(matches, hold => {
      for (const { proxies } of stage.replicas) proxies[peer].disarm()
      resolve({ hold, victim })
    })
  }
  return promise
}

interface Scenery {
  lane: Lane
  stage: Stage
  watch: Watch
  pair: Pair
  draw: (limit: number) => number
  limitMs: number
  signal: AbortSignal
}

async function strike({ lane, stage, watch, pair, draw, limitMs, signal }: Scenery, hit: Promise<Hit>) {
  const isOverFirst = within(hitMs, signal, () => isOver(stage)).then(
    () => null,
    () => null
  )
  const reached = await Promise.race([hit, isOverFirst])
  if (reached === null) {
    // A later run may still reach it.
    hit.then(late => late.hold.release())
    return { counted: false, why: 'the step was not reached' }
  }
  const { hold, victim } = reached
  const admin = async () => {
    const client = new pg.Client({ connectionString: lane.store.url, connectionTimeoutMillis: 5000 })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const fenceOf = async ({ unit }: Hold) => {
    const { rows } = await stage.pool.query<{ fence: number }>('select fence::int from kki.batch where id = $1', [
      unit.batchId
    ])
    return rows[0]?.fence ?? null
  }
  const { replicas, secretsDir } = stage
  const { store, clocks } = lane
  const scene = { hold, victim, replicas, store, secretsDir, clocks, admin, fenceOf, draw }
  // Earlier progress of the batch does not count.
  await watch.look()
  const { batchId, jobId, what } = hold.unit
  const told = {
    hitAt: new Date(hold.at).toISOString(),
    marker: what.replace(/kursor=[^& ]+/, 'kursor=…'),
    replica: victim.index,
    batch: batchId,
    job: jobId
  }
  if (hold.isGone) return { counted: false, why: 'the connection was closed before the fault', ...told }
  const failure = { why: '' }
  const ended = await faults[pair.fault](scene).catch(error => {
    failure.why = String(error)
    hold.release()
    return null
  })
  if (ended === null) return { counted: false, ...failure, ...told }
  const resuming = resumedAt(stage, watch, { batchId, jobId }, { since: ended, limitMs, signal })
  // Awaited at the end of the run, or not at all if that is stopped.
  resuming.catch(() => undefined)
  return {
    counted: true,
    ...told,
    resumed: async () => {
      const at = await resuming
      return at === null ? null : Math.max(0, Math.round((at - ended) / 100) / 10)
    }
  }
}

/** The time of the next progress: a page, a plan or the end of the batch; or the end of the job with the call to Odoo. */
async function resumedAt(
  { pool }: Stage,
  watch: Watch,
  { batchId, jobId }: { batchId: number | null; jobId: string | null },
  { since, limitMs, signal }: { since: number; limitMs: number; signal: AbortSignal }
): Promise<number | null> {
  let at: number | null = null
  await within(limitMs, signal, async () => {
    if (batchId !== null) at = watch.progressAfter(batchId, since)
    if (at !== null) return true
    // A batch that has ended makes no progress; its job was interrupted.
    const { rows } = await pool.query(
      jobId !== null
        ? `select state = 'completed' as done from pgboss.job where id = $1`
        : batchId !== null
          ? `select count(*) = 0 as done from pgboss.job where singleton_key = $1 and name = 'kki-apply'
              and state < 'completed'`
          : `select count(*) > 0 as done from kki.batch where state = 'applied' or $1::text is null`,
      [jobId ?? (batchId === null ? null : String(batchId))]
    )
    if (rows.length === 0 || rows[0].done) at = Date.now()
    return at !== null
  })
  return at
}

/** The run is finished, all changes are sent to Odoo, and no running call could still change something there. */
async function isOver({ pool, replicas }: Stage): Promise<boolean> {
  const { rows } = await pool.query<{ over: boolean }>(
    `select (select bool_and(finished_at is not null) from kki.run)
      and not exists (select from pgboss.job where state < 'completed' and name not in ('kki-maintenance', 'audit-check'))
      and not exists (select from kki.audit_unchained) as over`
  )
  return rows[0]?.over === true && !replicas.some(({ proxies }) => proxies.odoo.isBusy)
}

async function whatIsLeft({ pool }: Stage): Promise<string> {
  const { rows } = await pool
    .query<{ line: string }>(
      `select concat_ws(' ', 'batch', kind, profession, state, error_code) as line from kki.batch where state <> 'applied'
      union all select concat_ws(' ', 'job', name, state, retry_count, left(output::text, 200)) from pgboss.job where state < 'completed' limit 6`
    )
    .catch(error => ({ rows: [{ line: String(error) }] }))
  return rows.map(({ line }) => line).join('; ')
}

/** Random whole numbers from a seed (mulberry32). */
function drawer(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return limit => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}
