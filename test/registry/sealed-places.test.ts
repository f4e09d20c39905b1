import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { SealUnfit } from '../../sidecar/identity/errors.ts'
import { openNik, openRow, type SealedRow } from '../../sidecar/identity/open-sealed.ts'
import { nikOf } from '../../sidecar/identity/seal-place.ts'
import { applyPlan } from '../../sidecar/registry/apply.ts'
import { planBatch } from '../../sidecar/registry/plan.ts'
import { undoBatch } from '../../sidecar/registry/undo.ts'
import { assertOfRejection } from '../../sidecar/sync/stored-rows.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { candidate, createRegistry, decide, dumpSdmk, planOptions, stageRows } from './helpers.ts'

const later = '2026-02-01T00:00:00.000Z'

/** A row about the licence of a known person, with another NIK and name. */
function conflictWith({ strNumber, strRaw }: Candidate): Candidate {
  return candidate({ strNumber, strRaw, changedAt: later })
}

async function setUp(t: TestContext) {
  const registry = await createRegistry(t)
  const { pool, database, identity } = registry
  const people = [candidate(), candidate()] as const
  await registry.apply(...people)
  return {
    ...registry,
    people,
    /** With the service's login. */
    attack: (text: string, values: unknown[] = []) => database.pool.query(text, values),
    stage: (rows: Candidate[], kind = 'retry') => stageRows(database, identity, rows, { kind }),
    plan: (id: number) => database.withTransaction(client => planBatch(client, id, identity, planOptions)),
    applyIt: (id: number) => database.withTransaction(client => applyPlan(client, id, identity, planOptions.asOf)),
    idOf: async ({ nik }: Candidate) => {
      const { rows } = await pool.query<{ id: number }>('select id from sdmk.health_worker where nik_digest = $1', [
        identity.digestNik(nik as string)
      ])
      return rows[0]?.id as number
    },
    open: async (id: number) => {
      const { rows } = await pool.query(
        'select nik_sealed as sealed, nik_digest as digest from sdmk.health_worker where id = $1',
        [id]
      )
      return openNik(identity, nikOf(id), rows[0])
    }
  }
}

describe('an attacker without a key, who moves staged values', () => {
  test('does not get a page planned instead of another batch’s', async t => {
    const { people, attack, stage, plan } = await setUp(t)
    const [one, two] = [await stage([conflictWith(people[0])]), await stage([conflictWith(people[1])])]
    const { rows } = await attack('select batch_id, body_sealed from kki.staged_page where batch_id in ($1, $2)', [
      one,
      two
    ])
    for (const { batch_id, body_sealed } of rows) {
      await attack('update kki.staged_page set body_sealed = $2 where batch_id = $1', [
        batch_id === one ? two : one,
        body_sealed
      ])
    }
    await assert.rejects(plan(one), new RegExp(`kki.staged_page.body_sealed of batch ${one} page 1: `))
    await assert.rejects(plan(two), SealUnfit)
  })

  test('does not give a NIK to another new person of the batch', async t => {
    const { attack, stage, plan, applyIt, idOf, open } = await setUp(t)
    const born = [candidate(), candidate()] as const
    const batch = await stage([...born])
    const rows = `batch_${batch}.staged_row`
    await attack(`update ${rows} a set nik_sealed = b.nik_sealed from ${rows} b where a.row_no <> b.row_no`)
    await plan(batch)
    await applyIt(batch)
    for (const row of born) await assert.rejects(idOf(row).then(open), SealUnfit)
  })

  test('does not create a person instead of an existing one', async t => {
    const { pool, people, attack, stage, plan, applyIt, idOf } = await setUp(t)
    const batch = await stage([candidate()])
    await attack(`update batch_${batch}.staged_row set new_health_worker_id = $1`, [await idOf(people[0])])
    const before = await dumpSdmk(pool)
    await plan(batch)
    await assert.rejects(applyIt(batch), /health_worker_pkey/)
    assert.deepEqual(await dumpSdmk(pool), before)
  })

  test('does not get a decision about a row of another licence', async t => {
    const { pool, identity, people, attack, stage, plan, applyIt } = await setUp(t)
    const batch = await stage(people.map(conflictWith))
    await attack(`update batch_${batch}.staged_row set page_row = 3 - page_row`)
    await plan(batch)
    await applyIt(batch)
    const { rows } = await pool.query<SealedRow>(
      `select r.source, r.subject, o.batch_id as "batchId", o.row_no as "rowNo", o.content_digest as "contentDigest",
        o.raw_sealed as "rawSealed"
      from kki.rejection_occurrence o join kki.rejection r on r.id = o.rejection_id`
    )
    assert.equal(rows.length, 2)
    for (const row of rows) {
      const raw = openRow(identity, row)
      const waiting = { ...row, raw, page: 1, pageRow: 1, nikDigest: null, settledBy: null }
      assert.throws(() => assertOfRejection(waiting, (JSON.parse(raw) as Candidate).strNumber), { fault: 'content' })
      assert.doesNotThrow(() => assertOfRejection(waiting, row.subject))
    }
  })
})

describe('a NIK that a decision takes from a person', () => {
  test('is restored by an undo, and neither step accepts a moved one', async t => {
    const registry = await setUp(t)
    const { pool, database, identity, people, attack, stage, plan, applyIt, idOf, open } = registry
    const [person, other] = [await idOf(people[0]), await idOf(people[1])]
    const row = { ...people[0], nik: '3171010101999999', changedAt: later, contentHash: 'cd'.repeat(16) }
    await decide(registry, row, person)
    const batch = await stage([row], 'decision')
    await plan(batch)
    const { rows: sealed } = await attack('select id, nik_sealed from sdmk.health_worker')
    const put = (id: number, from: number) =>
      attack('update sdmk.health_worker set nik_sealed = $2 where id = $1', [
        id,
        sealed.find(found => found.id === from)?.nik_sealed
      ])
    await put(person, other)
    await assert.rejects(applyIt(batch), SealUnfit)
    await put(person, person)
    await applyIt(batch)
    assert.equal(await open(person), row.nik)
    await pool.query(
      `update kki.batch set state = 'applied', as_of = '2026-06-01', plan_digest = 'x', fetched = 0, rejected = 0
      where id = $1`,
      [batch]
    )
    const undo = () => database.withTransaction(client => undoBatch(client, batch, identity, planOptions.asOf))
    // The service may add change records: one that would give this person's NIK to another one.
    const { rows: forged } = await attack(
      `insert into kki.change (batch_id, operation, health_worker_id, health_worker_before)
      select batch_id, operation, $2, health_worker_before from kki.change
      where batch_id = $1 and health_worker_before ? 'nik_sealed' returning id`,
      [batch, other]
    )
    const before = await dumpSdmk(pool, { withBookkeeping: true })
    await assert.rejects(undo(), new RegExp(`kki.change.health_worker_before of health worker ${other}: `))
    assert.deepEqual(await dumpSdmk(pool, { withBookkeeping: true }), before)
    await pool.query('delete from kki.change where id = $1', [forged[0]?.id])
    await undo()
    assert.equal(await open(person), people[0].nik)
    assert.equal(await open(other), people[1].nik)
  })
})
