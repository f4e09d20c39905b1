import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type pg from 'pg'
import { applyPlan, isLostRace } from '../../sidecar/registry/apply.ts'
import { planBatch } from '../../sidecar/registry/plan.ts'
import { undoBatch } from '../../sidecar/registry/undo.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { agreeingRows, anchors, anyFeed, contradictingRows } from './feeds.ts'
import { applyRows, createRegistry, dumpSdmk, planOptions as options, type Registry, stageRows } from './helpers.ts'

const asOf = '2026-06-01'
/** Of each property; more are worth a night, and find nothing that these did not. */
const numRuns = Number(process.env.TEST_PROPERTY_RUNS ?? 12)

async function empty({ pool }: Registry): Promise<void> {
  await pool.query(`select kki.drop_staging(id) from kki.batch`)
  await pool.query('truncate sdmk.health_worker, sdmk.str_number, kki.run, kki.change restart identity cascade')
}

/** Checks feeds batch by batch, each feed over an empty registry. */
async function forBatches(
  t: TestContext,
  runs: number,
  evaluate: (registry: Registry, batch: Candidate[]) => Promise<void>
): Promise<void> {
  const registry = await createRegistry(t)
  await fc.assert(
    fc.asyncProperty(anyFeed, async feed => {
      await empty(registry)
      for (const batch of feed) await evaluate(registry, batch)
    }),
    { numRuns: runs }
  )
}

const ended: Candidate['status'][] = ['revoked', 'suspended', 'deceased']

describe('for any registry and any feed', { concurrency: true }, () => {
  test('no row is on the record of a person with another NIK, and nobody is created twice', async t => {
    await forBatches(t, numRuns, async ({ pool, database, identity }, batch) => {
      const before = await readPeople(pool)
      const { batchId } = await applyRows(database, identity, batch)
      const { rows: mixed } = await pool.query(
        `select p.row_no, p.rule from kki.plan_row p
        join kki.staged_row s on s.batch_id = p.batch_id and s.row_no = p.row_no
        join sdmk.health_worker h on h.id = p.health_worker_id
        where p.batch_id = $1 and p.outcome <> 'rejected' and h.nik_digest <> s.nik_digest
          and not coalesce('NIK_IGNORED' = any (p.warnings), false) and not p.deactivation_only`,
        [batchId]
      )
      assert.deepEqual(mixed, [])
      const { rows: created } = await pool.query(
        `select s.name_key || '|' || s.birth_date || '|' || s.birth_place_key as looks,
          coalesce('NIK_IGNORED' = any (p.warnings), false) or s.nik_digest is null as has_no_nik
        from kki.plan_row p join kki.staged_row s on s.batch_id = p.batch_id and s.row_no = p.row_no
        where p.batch_id = $1 and p.outcome = 'created'`,
        [batchId]
      )
      const all = [...before]
      for (const { looks, has_no_nik } of created) {
        const twin = all.find(other => looks !== null && other.looks === looks && (has_no_nik || other.has_no_nik))
        assert.equal(twin, undefined, looks)
        all.push({ looks, has_no_nik })
      }
    })
  })

  test('a deactivation of a known licence is applied, or urgent in the review queue', async t => {
    await forBatches(t, numRuns, async ({ pool, database, identity }, batch) => {
      const { rows } = await pool.query<{ str: string; people: number; is_active: boolean }>(
        `select str_number as str, count(distinct health_worker_id)::int as people, bool_or(status = 'active') as is_active
        from sdmk.registration group by str_number`
      )
      const known = new Map(rows.map(row => [row.str, row]))
      const { outcomes, batchId } = await applyRows(database, identity, batch)
      for (const [i, row] of batch.entries()) {
        const licence = known.get(row.strNumber)
        if (!licence || !ended.includes(row.status)) continue
        const { outcome, urgent } = outcomes[i] as (typeof outcomes)[number]
        if (outcome === 'rejected') assert.ok(urgent, `row ${i + 1} of batch ${batchId} is rejected and not urgent`)
        if (outcome !== 'updated' && outcome !== 'linked') continue
        const { rows: stored } = await pool.query<{ status: string }>(
          `select r.stated_status as status from sdmk.registration r
          where r.str_number = $1 and r.profession = $2 and r.source_at = $3`,
          [row.strNumber, row.profession, row.changedAt]
        )
        assert.ok(stored.every(({ status }) => ended.includes(status as Candidate['status']) || status === 'active'))
        assert.ok(stored.length > 0, 'the stamp of the deactivation is stored')
      }
      const { rows: waiting } = await pool.query(
        `select from kki.staged_rejection s
        where s.batch_id = $1 and s.urgent and not exists (
          select from kki.rejection r where r.subject = s.subject and r.state = 'open' and r.urgent
        )`,
        [batchId]
      )
      assert.equal(waiting.length, 0, 'urgent rows are urgent in the review queue')
    })
  })

  test('a batch that is applied and undone leaves SDMK unchanged', async t => {
    await forBatches(t, numRuns, async ({ pool, database, identity }, batch) => {
      const before = await dumpSdmk(pool)
      const { batchId } = await applyRows(database, identity, batch)
      const after = await dumpSdmk(pool)
      await setState(pool, batchId, 'applied')
      await database.withTransaction(client => undoBatch(client, batchId, identity, asOf))
      assert.deepEqual(await dumpSdmk(pool), before)
      await setState(pool, batchId, 'undone')
      const again = await applyRows(database, identity, batch)
      await setState(pool, again.batchId, 'applied')
      assert.equal((await dumpSdmk(pool)).length, after.length)
    })
  })

  test('a batch that is planned and not applied leaves SDMK untouched, to the byte', async t => {
    await forBatches(t, Math.ceil(numRuns / 2), async ({ pool, database, identity }, batch) => {
      const before = await dumpSdmk(pool, { withBookkeeping: true })
      const batchId = await stageRows(database, identity, batch)
      await database.withTransaction(client => planBatch(client, batchId, identity, options))
      assert.deepEqual(await dumpSdmk(pool, { withBookkeeping: true }), before)
      await applyRows(database, identity, batch)
    })
  })
})

describe('for rows of known people', { concurrency: true }, () => {
  test('without contradictions, SDMK is the same for every order, batching and concurrency', async t => {
    const registry = await createRegistry(t)
    const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(
        agreeingRows.chain(rows =>
          fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }), cuts)
        ),
        fc.boolean(),
        async ([rows, shuffled, sizes], atOnce) => {
          await load(registry, [rows], false)
          const expected = await dumpWithoutIds(registry.pool)
          await load(registry, cut(shuffled, sizes), atOnce)
          assert.deepEqual(await dumpWithoutIds(registry.pool), expected)
        }
      ),
      { numRuns }
    )
  })

  test('with contradictions, no row is on another person, and the people are the same', async t => {
    const registry = await createRegistry(t)
    const { pool } = registry
    await fc.assert(
      fc.asyncProperty(
        contradictingRows.chain(rows =>
          fc.tuple(fc.constant(rows), fc.shuffledSubarray(rows, { minLength: rows.length }))
        ),
        async ([rows, shuffled]) => {
          for (const batches of [[rows], cut(shuffled, [2, 3])]) {
            await load(registry, batches, false)
            const { rows: found } = await pool.query<{ nik: string }>(
              `select encode(nik_digest, 'hex') as nik from sdmk.health_worker order by 1`
            )
            const known = anchors.map(({ nik }) => registry.identity.digestNik(nik as string).toString('hex')).sort()
            assert.deepEqual(
              found.map(({ nik }) => nik),
              known
            )
            const { rows: mixed } = await pool.query(
              `select from kki.plan_row p
              join kki.staged_row s on s.batch_id = p.batch_id and s.row_no = p.row_no
              join sdmk.health_worker h on h.id = p.health_worker_id
              where p.outcome <> 'rejected' and h.nik_digest <> s.nik_digest
                and not coalesce('NIK_IGNORED' = any (p.warnings), false)`
            )
            assert.equal(mixed.length, 0)
          }
        }
      ),
      { numRuns }
    )
  })
})

async function readPeople(pool: pg.Pool): Promise<{ looks: string | null; has_no_nik: boolean }[]> {
  const { rows } = await pool.query(
    `select name_key || '|' || birth_date || '|' || birth_place_key as looks, nik_digest is null as has_no_nik
    from sdmk.health_worker`
  )
  return rows
}

async function setState(pool: pg.Pool, batchId: number, state: string): Promise<void> {
  await pool.query(
    `update kki.batch set state = $2, as_of = $3, plan_digest = 'x', undone_at = case when $2 = 'undone' then now() end
    where id = $1`,
    [batchId, state, asOf]
  )
}

/** Cuts rows into batches of the given sizes, taken in turn. */
function cut(rows: Candidate[], sizes: number[]): Candidate[][] {
  const batches: Candidate[][] = []
  for (let start = 0, i = 0; start < rows.length; i++) {
    const size = sizes[i % sizes.length] as number
    batches.push(rows.slice(start, start + size))
    start += size
  }
  return batches
}

/** Stores all people and applies the batches, one after the other or all at once. */
async function load(registry: Registry, batches: Candidate[][], atOnce: boolean): Promise<void> {
  const { database, identity } = registry
  await empty(registry)
  await applyRows(database, identity, anchors)
  if (!atOnce) {
    for (const batch of batches) await applyRows(database, identity, batch)
    return
  }
  const ids: number[] = []
  for (const batch of batches) ids.push(await stageRows(database, identity, batch))
  await Promise.all(ids.map(id => planAndApply(registry, id)))
}

async function planAndApply({ database, identity }: Registry, batchId: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    await database.withTransaction(client => planBatch(client, batchId, identity, options))
    try {
      await database.withTransaction(client => applyPlan(client, batchId, identity, asOf))
      return
    } catch (error) {
      if (!isLostRace(error) || attempt === 20) throw error
    }
  }
}

/** The visible values of people and licences: ids are replaced by their records, and the match rule is left out. */
async function dumpWithoutIds(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ line: object }>(
    `select to_jsonb(r)
        - array['id', 'health_worker_id', 'replaced_by', 'version', 'created_at', 'updated_at', 'match_reason', 'warnings']
        || jsonb_build_object('replaced_by', n.str_number, 'person', to_jsonb(h)
          - array['id', 'version', 'created_at', 'updated_at', 'nik_sealed']) as line
    from sdmk.registration r
    join sdmk.health_worker h on h.id = r.health_worker_id
    left join sdmk.registration n on n.id = r.replaced_by`
  )
  return rows.map(({ line }) => JSON.stringify(line)).sort()
}
