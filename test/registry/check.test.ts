import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type CheckOptions, checkRegistry, countDoubts } from '../../sidecar/sync/check-registry.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { candidate, createRegistry, decide } from './helpers.ts'

const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: '0'.repeat(32) }

const dewi = { name: 'Dewi Lestari', nameKey: 'DEWI LESTARI', birthDate: '1991-04-23' }

async function setUp(t: TestContext) {
  const registry = await createRegistry(t)
  const { pool, database, apply } = registry
  const holderOf = async ({ strNumber }: Candidate) => {
    const { rows } = await pool.query('select health_worker_id as id from sdmk.registration where str_number = $1', [
      strNumber
    ])
    return rows[0].id as number
  }
  return {
    ...registry,
    holderOf,
    check: (options: Partial<CheckOptions> = {}) => checkRegistry({ database }, { caller, ...options }),
    queue: async (state = 'open') => {
      const { rows } = await pool.query(
        `select code, str_number as str, candidates, rule, evidence from kki.rejection where state = $1 order by id`,
        [state]
      )
      return rows
    },
    /** Two people that the present rules would not both have created. */
    withTwins: async (given: Partial<Candidate> = {}) => {
      const first = candidate(dewi)
      const second = candidate({ nik: null, birthDate: '1970-09-09', ...given })
      await apply(first)
      await apply(second)
      const [older, younger] = [await holderOf(first), await holderOf(second)]
      await pool.query('update sdmk.health_worker set name = $2, name_key = $3, birth_date = $4 where id = $1', [
        younger,
        dewi.name,
        dewi.nameKey,
        dewi.birthDate
      ])
      return { first, second: { ...second, ...dewi }, older, younger }
    }
  }
}

describe('a check of the registry for duplicates', { concurrency: 4 }, () => {
  test('asks once about the licence of the newer of two very similar people', async t => {
    const { check, queue, withTwins, pool } = await setUp(t)
    const { second, older } = await withTwins()
    const found = await check()
    assert.deepEqual([found.people, found.duplicates, found.contradictions], [2, 1, 0])
    const asked = [
      {
        code: 'POSSIBLE_DUPLICATE',
        str: second.strNumber,
        candidates: [older],
        rule: 8,
        evidence: '+name +birth_date +birth_place'
      }
    ]
    assert.deepEqual(await queue(), asked)
    const { rows } = await pool.query('select kind, state, fetched, rejected from kki.batch where id = $1', [
      found.batchId
    ])
    assert.deepEqual(rows, [{ kind: 'check', state: 'applied', fetched: 1, rejected: 1 }])
    const again = await check()
    assert.deepEqual([again.duplicates, again.closed], [0, 0])
    assert.deepEqual(await queue(), asked)
    const audit = await pool.query(`select detail from kki.audit_event where action = 'registry.checked' order by id`)
    assert.deepEqual(audit.rows[0].detail, {
      people: 2,
      duplicates: 1,
      contradictions: 0,
      withoutLicence: 0,
      closed: 0
    })
  })

  test('finds similar people, and leaves out people who only share a name', async t => {
    const { check, queue, withTwins, pool, apply } = await setUp(t)
    const { younger } = await withTwins()
    await apply(candidate({ ...dewi, birthDate: '1959-12-30', birthPlaceKey: 'SERANG' }))
    await pool.query(`update sdmk.health_worker set name_key = 'DEVI LESTARI' where id = $1`, [younger])
    assert.equal((await check()).duplicates, 1)
    assert.match((await queue())[0].evidence, /^~name/)
  })

  test('counts without writing', async t => {
    const { database, queue, withTwins, pool } = await setUp(t)
    await withTwins()
    const found = await countDoubts({ database })
    assert.deepEqual([found.duplicates, found.batchId], [1, null])
    assert.deepEqual(await queue(), [])
    assert.equal((await pool.query(`select from kki.batch where kind = 'check'`)).rowCount, 0)
  })

  test('resumes after an interruption', async t => {
    const { check, queue, withTwins, pool } = await setUp(t)
    const { older } = await withTwins()
    const seen: number[] = []
    const interrupted = check({
      idsAtATime: 1,
      onProgress: id => {
        if (id === older) throw new Error('interrupted')
      }
    })
    await assert.rejects(interrupted, /interrupted/)
    const found = await check({ idsAtATime: 1, onProgress: id => void seen.push(id) })
    assert.equal(found.duplicates, 1)
    assert.equal(seen.includes(older), false)
    assert.equal((await queue()).length, 1)
    assert.equal((await pool.query(`select from kki.batch where kind = 'check'`)).rowCount, 1)
  })

  test('asks nothing about people who are restricted or erased', async t => {
    const { check, queue, withTwins, pool } = await setUp(t)
    const { older } = await withTwins()
    await pool.query('update sdmk.health_worker set restricted_at = now() where id = $1', [older])
    assert.equal((await check()).duplicates, 0)
    await pool.query('update sdmk.health_worker set restricted_at = null, erased_at = now() where id = $1', [older])
    assert.equal((await check()).duplicates, 0)
    assert.deepEqual(await queue(), [])
  })

  test('never asks again about a pair that was dismissed', async t => {
    const { check, queue, withTwins, pool } = await setUp(t)
    await withTwins()
    await check()
    await pool.query(`update kki.rejection set state = 'dismissed'`)
    assert.equal((await check()).duplicates, 0)
    assert.deepEqual(await queue(), [])
  })

  test('keeps the question while rows of the licence arrive, and shows the reviewer the newest of them', async t => {
    const { check, queue, withTwins, pool, apply } = await setUp(t)
    const { second } = await withTwins()
    await check()
    const asked = await queue()
    const { outcomes } = await apply(second)
    assert.deepEqual([outcomes[0]?.outcome, outcomes[0]?.codes], ['unchanged', ['POSSIBLE_DUPLICATE']])
    assert.deepEqual(await queue(), asked)
    const { rows } = await pool.query(
      'select raw_sealed is not null as "hasRow" from kki.rejection_occurrence where settled_by_batch_id is null'
    )
    assert.deepEqual(rows, [{ hasRow: true }])
  })

  test('is answered by a decision, and then asks nothing about that pair', async t => {
    const registry = await setUp(t)
    const { check, queue, withTwins, pool, holderOf, applyWith, identity } = registry
    const { second, older, younger } = await withTwins()
    await check()
    await pool.query(
      `insert into kki.decision (str_number, name_key, health_worker_id, decided_by) values ($1, $2, $3, 'verifier')`,
      [second.strNumber, second.nameKey, older]
    )
    await pool.query(`update kki.rejection set decided_at = now(), decided_by = 'verifier'`)
    await applyWith({ kind: 'decision' }, second)
    assert.equal((await queue('resolved')).length, 1)
    assert.equal(await holderOf(second), older)
    assert.notEqual(older, younger)
    assert.equal((await check()).duplicates, 0)
    assert.ok(identity)
  })

  test('closes a question whose licence has moved', async t => {
    const { check, queue, withTwins, pool } = await setUp(t)
    const { older, younger } = await withTwins()
    await check()
    await pool.query('update sdmk.registration set health_worker_id = $1 where health_worker_id = $2', [older, younger])
    await pool.query('delete from kki.change where health_worker_id = $1', [younger])
    assert.equal((await check()).closed, 1)
    assert.equal((await queue('cleared')).length, 1)
  })

  test('counts pairs of people without a licence separately', async t => {
    const { check, queue, withTwins, pool } = await setUp(t)
    await withTwins()
    await pool.query('delete from kki.change')
    await pool.query('delete from sdmk.registration')
    const found = await check()
    assert.deepEqual([found.duplicates, found.withoutLicence], [0, 1])
    assert.deepEqual(await queue(), [])
  })
})

describe('a check of the registry for wrong merges', { concurrency: 4 }, () => {
  /** A second licence that was linked to a person, and the person's former values. */
  async function withSecond(t: TestContext, before: Record<string, unknown>) {
    const registry = await setUp(t)
    const { apply, pool, holderOf } = registry
    const first = candidate(dewi)
    await apply(first)
    const second = candidate({ ...dewi, nik: first.nik, profession: 'nurse', changedAt: '2026-02-01T00:00:00.000Z' })
    const { batchId, outcomes } = await apply(second)
    assert.equal(outcomes[0]?.outcome, 'linked')
    const person = await holderOf(first)
    await pool.query(
      `insert into kki.change (batch_id, operation, health_worker_id, health_worker_before) values ($1, 'updated', $2, $3)`,
      [batchId, person, before]
    )
    return { ...registry, first, second, person }
  }

  test('asks about the licence whose row gave a person another birth date', async t => {
    const { check, queue, second, person } = await withSecond(t, { birth_date: '1962-11-08' })
    assert.equal((await check()).contradictions, 1)
    assert.deepEqual(await queue(), [
      {
        code: 'IDENTITY_CONFLICT',
        str: second.strNumber,
        candidates: [person],
        rule: 6,
        evidence: '+nik +name -birth_date +birth_place'
      }
    ])
    assert.equal((await check()).contradictions, 0)
    assert.equal((await queue()).length, 1)
  })

  for (const [what, before] of [
    ['another name', { name_key: 'AGUS SALIM' }],
    ['the NIK of another person', { nik_digest: null, birth_date: '1962-11-08' }]
  ] as const) {
    test(`asks about the licence whose row gave a person ${what}`, async t => {
      const { check, second, queue } = await withSecond(t, before)
      assert.equal((await check()).contradictions, 1)
      assert.equal((await queue())[0].str, second.strNumber)
    })
  }

  for (const [what, before] of [
    ['a birth date with one digit corrected', { birth_date: '1991-04-28' }],
    ['another spelling of the name', { name_key: 'DEWI LESTARIE' }],
    ['a birthplace that was missing', { birth_place_key: null }]
  ] as const) {
    test(`asks nothing about ${what}`, async t => {
      const { check } = await withSecond(t, before)
      assert.equal((await check()).contradictions, 0)
    })
  }

  test('uses the agreement that was stored when the licence was linked', async t => {
    const { check, queue, second, pool } = await withSecond(t, {})
    await pool.query(
      `update sdmk.registration set match_reason = '6 +nik +name -birth_date -birth_place' where str_number = $1`,
      [second.strNumber]
    )
    assert.equal((await check()).contradictions, 1)
    assert.equal((await queue())[0].evidence, '+nik +name -birth_date -birth_place')
  })

  test('asks nothing about a change that a person decided or that was undone', async t => {
    const { check, pool } = await withSecond(t, { birth_date: '1962-11-08' })
    await pool.query(`update kki.batch set kind = 'decision'`)
    assert.equal((await check()).contradictions, 0)
    await pool.query(`update kki.batch set kind = 'retry', state = 'undone' where kind = 'decision'`)
    assert.equal((await check()).contradictions, 0)
  })

  test('asks nothing about a licence whose holder a person decided', async t => {
    const registry = await withSecond(t, { birth_date: '1962-11-08' })
    await decide(registry, registry.second, registry.person)
    assert.equal((await registry.check()).contradictions, 0)
  })

  test('does not ask again after its question was dismissed', async t => {
    const { check, pool } = await withSecond(t, { birth_date: '1962-11-08' })
    await check()
    await pool.query(`update kki.rejection set state = 'dismissed'`)
    assert.equal((await check()).contradictions, 0)
  })
})
