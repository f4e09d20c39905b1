import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type pg from 'pg'
import { applyPlan } from '../../sidecar/registry/apply.ts'
import { expireLicences } from '../../sidecar/registry/expire.ts'
import { recordMissed, recordSeen, recordShown } from '../../sidecar/registry/not-listed.ts'
import { findAffected } from '../../sidecar/registry/pending.ts'
import { planBatch } from '../../sidecar/registry/plan.ts'
import { undoBatch } from '../../sidecar/registry/undo.ts'
import { warningCounts } from '../../sidecar/sync/metrics.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { type TwinRow, toCandidate, twinRow } from './feeds.ts'
import { createRegistry, planOptions, type Registry, stageRows } from './helpers.ts'

/** Each is a history of several batches about many people: half as many as of other properties. */
const numRuns = Math.ceil(Number(process.env.TEST_PROPERTY_RUNS ?? 12) / 2)

/** Of the batches and people that there are, counted around. */
const nth = fc.nat({ max: 99 })
const manyRows = fc.array(twinRow, { minLength: 1, maxLength: 80, size: 'max' }).map(sayOneThingAtATime)

/**
 * Removes rows that contradict another row of the same licence with the same time and status. The row that is planned later
 * would win, so a held batch would restore its own value.
 */
function sayOneThingAtATime(rows: TwinRow[]): TwinRow[] {
  const said = new Map<string, string>()
  return rows.filter(row => {
    const { strNumber, profession, changedAt, sourceStatus, contentHash } = toCandidate(row)
    const key = [strNumber, profession, changedAt, sourceStatus].join()
    if (!said.has(key)) said.set(key, contentHash)
    return said.get(key) === contentHash
  })
}

/** A sequence of events with rows from one list, so that rows are repeated. Shrinking a failure keeps the list. */
const anyHistory = fc.noShrink(fc.noBias(manyRows)).chain(rows => {
  const row = fc.constantFrom(...rows)
  const feed = fc.record({
    does: fc.constant('feed'),
    rows: fc.array(row, { minLength: 1, maxLength: 40, size: 'max' }),
    until: fc.constantFrom('applied', 'applied', 'applied', 'applied', 'staged', 'planned')
  })
  const decide = fc.record({ does: fc.constant('decide'), row, person: nth })
  const others = fc.record({ does: fc.constantFrom('resume', 'undo', 'withdraw', 'expire'), nth })
  const step = fc.oneof(
    { weight: 15, arbitrary: feed },
    { weight: 4, arbitrary: others },
    { weight: 1, arbitrary: decide }
  )
  return fc.noBias(fc.array(step, { minLength: 1, maxLength: 16, size: 'max' }))
})

test('skipping unchanged rows hides no change: the result is the same as if every row were planned', async t => {
  const both = await createPair(t)
  const history = fc.asyncProperty(anyHistory, async steps => {
    const held: number[] = []
    const applied: number[] = []
    let asOf = '2026-06-01'
    const planAndApply = async (id: number) => {
      await both(side => plan(side, id, asOf))
      await both(side => apply(side, id, asOf))
      applied.push(id)
    }
    await both(empty)
    for (const step of steps) {
      if (step.does === 'feed') {
        const batch = step.rows.map(toCandidate)
        const id = await both(side => stage(side, batch))
        if (step.until === 'applied') await planAndApply(id)
        else held.push(id)
        if (step.until === 'planned') await both(side => plan(side, id, asOf))
      } else if (step.does === 'resume' && held.length > 0) {
        await planAndApply(...take(held, step.nth))
      } else if (step.does === 'undo' && applied.length > 0) {
        const [id] = take(applied, step.nth)
        await both(side => undo(side, id, asOf))
        // Their batch is undone, so the rows are fetched again.
        held.length = 0
      } else if (step.does === 'decide') {
        await planAndApply(await both(side => decide(side, toCandidate(step.row), step.person)))
      } else if (step.does === 'withdraw') {
        await both(async ({ pool }) => (await pool.query(withdrawLast)).rowCount)
      } else if (step.does === 'expire') {
        asOf = '2026-07-01'
        applied.push(await both(side => expire(side, asOf)))
      }
      await both(side => dump(side, [...ofRegistry, ...ofReview]))
    }
  })
  // Where a run fails, to make it short may take many times as long as all of them.
  await fc.assert(history, { numRuns, interruptAfterTimeLimit: numRuns * 10_000 })
})

interface Side extends Registry {
  /** Stages unchanged rows too. */
  stagesAll: boolean
  /** A plan gives ids to people in no order: here each is called by the batch and the row that created them. */
  names: Map<number, string>
}

/** Returns a runner for two registries, one of which plans every row; it fails if they differ. */
async function createPair(t: TestContext) {
  const [one, other] = [await createRegistry(t), await createRegistry(t)]
  const sides: Side[] = [
    { ...one, stagesAll: false, names: new Map() },
    { ...other, identity: one.identity, stagesAll: true, names: new Map() }
  ]
  return async <T>(work: (side: Side) => Promise<T>): Promise<T> => {
    const [skipping, planning] = (await Promise.all(sides.map(work))) as [T, T]
    assert.deepEqual(skipping, planning)
    return planning
  }
}

async function empty({ pool, names }: Side): Promise<void> {
  names.clear()
  await pool.query('select kki.drop_staging(id) from kki.batch')
  await pool.query(`truncate sdmk.health_worker, sdmk.registration, sdmk.str_number, kki.run, kki.change
    restart identity cascade`)
}

async function stage({ pool, database, identity, stagesAll }: Side, rows: Candidate[], kind = 'full'): Promise<number> {
  const id = await stageRows(database, identity, rows, { kind, stagesAll: stagesAll || kind === 'decision' })
  await setState(pool, id, 'held')
  return id
}

async function plan(side: Side, id: number, asOf: string) {
  const { database, pool, identity, names } = side
  const { digest: _, ...summary } = await database.withTransaction(client =>
    planBatch(client, id, identity, { ...planOptions, asOf })
  )
  const created = `select health_worker_id as person, row_no as row from kki.plan_row where batch_id = $1 and outcome = 'created'`
  for (const { person, row } of (await pool.query(created, [id])).rows) names.set(person, `${id}/${row}`)
  const { rows: warnings } = await pool.query(`${warningCounts} order by code`, [id])
  return [summary, warnings, await dump(side, [`batch_${id}.plan_row`, `batch_${id}.staged_rejection`])]
}

/** Returns the rejections that the batch affects, which are the same once its rows are gone. */
async function apply({ database, pool, identity }: Side, id: number, asOf: string) {
  const { deactivated } = await database.withTransaction(async client => {
    const result = await applyPlan(client, id, identity, asOf)
    await recordSeen(client, id)
    const { rows } = await client.query<{ runId: number }>('select run_id as "runId" from kki.batch where id = $1', [
      id
    ])
    const { runId } = rows[0] as { runId: number }
    const later = new Date('2100-01-01')
    await recordShown(client, { id, runId, runStarted: later })
    await recordMissed(client, { runId, professions: null, since: later })
    return result
  })
  await setState(pool, id, 'applied')
  const affected = await database.withTransaction(client => findAffected(client, id, { after: 0, limit: 1000 }))
  await pool.query('select kki.drop_staging($1)', [id])
  assert.deepEqual(
    await database.withTransaction(client => findAffected(client, id, { after: 0, limit: 1000 })),
    affected
  )
  return { deactivated, affected }
}

async function undo({ database, pool, identity }: Side, id: number, asOf: string) {
  const { left: _, ...report } = await database.withTransaction(client => undoBatch(client, id, identity, asOf))
  await setState(pool, id, 'undone')
  return report
}

/** Decides that a row belongs to a known or a new person, and stages it like a decision of a reviewer. */
async function decide(side: Side, row: Candidate, person: number): Promise<number> {
  const id = await stage(side, [row], 'decision')
  await side.pool.query(
    `insert into kki.decision (str_number, nik_digest, health_worker_id, decided_by, batch_id)
    values ($1, $2, (select health_worker_id from sdmk.registration order by id
      offset $3 % (select count(*) + 1 from sdmk.registration) limit 1), 'verifier', $4)
    on conflict do nothing`,
    [row.strNumber, row.nik && side.identity.digestNik(row.nik), person, id]
  )
  return id
}

const withdrawLast = `update kki.decision set withdrawn_at = now()
  where id = (select max(id) from kki.decision where withdrawn_at is null)`

async function expire(side: Side, asOf: string): Promise<number> {
  const id = await stage(side, [], 'clock')
  await side.database.withTransaction(client => expireLicences(client, id, asOf))
  await setState(side.pool, id, 'applied')
  return id
}

async function setState(pool: pg.Pool, id: number, state: string): Promise<void> {
  await pool.query('update kki.batch set state = $2 where id = $1', [id, state])
}

const people = '(select id as health_worker_id, * from sdmk.health_worker)'
const ofRegistry = [people, 'sdmk.registration', 'sdmk.former_nik', 'kki.change', 'kki.not_listed']
const ofReview = ['kki.rejection', 'kki.rejection_occurrence', 'kki.decision']
/** Versions, times of writing, sealed values, and ids, which others refer to. */
const unlike = /^(id|.*version|.*_sealed|(created|updated|(first|last)_(seen|missed)|replaced|decided|withdrawn)_at)$/

async function dump({ pool, names }: Side, sources: string[]): Promise<string[]> {
  const { rows } = await pool.query<{ line: object }>(
    sources.map((source, i) => `select ${i} as source, to_jsonb(t) as line from ${source} t`).join(' union all ')
  )
  const name = (key: string, value: unknown) => {
    if (unlike.test(key)) return undefined
    if (key === 'candidates' && Array.isArray(value)) return value.map(id => names.get(id)).sort()
    return key === 'health_worker_id' ? names.get(value as number) : value
  }
  return rows.map(row => JSON.stringify(row, name)).sort()
}

function take<T>(list: T[], n: number): [T] {
  return list.splice(n % list.length, 1) as [T]
}
