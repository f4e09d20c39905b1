import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  createDisclosureWriter,
  type Disclosure,
  recordDisclosures,
  toMultirange
} from '../../sidecar/audit/disclosures.ts'
import { proveDisclosures, purgeDisclosures, sealDisclosures } from '../../sidecar/audit/seal-disclosures.ts'
import { createTestDatabase } from '../helpers/database.ts'

const caller = { actor: 'sidecar', apiKeyId: null, requestId: 'test', traceId: 'a'.repeat(32) }
const shown = (people: number[], given: Partial<Disclosure> = {}): Disclosure => ({
  channel: 'GET /v1/health-workers/:id',
  actor: 'reader',
  apiKeyId: 1,
  requestId: 'r',
  people,
  ...given
})

test('neighbouring ids share a range, in any order and with repetitions', () => {
  assert.equal(toMultirange([3, 1, 2, 2, 9, 7]), '{[1,4),[7,8),[9,10)}')
  assert.equal(toMultirange([]), '{}')
})

test('equal disclosures of one moment share a row; key, actor, reason and channel keep them apart', async t => {
  const { database, pool } = await createTestDatabase(t)
  await recordDisclosures(database.pool, [
    shown([1]),
    shown([2]),
    shown([2]),
    shown([3], { actor: 'somebody else' }),
    shown([4], { reason: 'asked' }),
    shown([])
  ])
  const { rows } = await pool.query('select actor, reason, answers, people::text from kki.disclosure order by id')
  assert.deepEqual(rows, [
    { actor: 'reader', reason: null, answers: 3, people: '{[1,3)}' },
    { actor: 'somebody else', reason: null, answers: 1, people: '{[3,4)}' },
    { actor: 'reader', reason: 'asked', answers: 1, people: '{[4,5)}' }
  ])
})

test('a writer answers after the commit, writes many rows together, and reports failure only for failed ones', async t => {
  const { database, pool } = await createTestDatabase(t)
  const writer = createDisclosureWriter(database.pool)
  await Promise.all(Array.from({ length: 1200 }, (_, i) => writer.record(shown([i + 1]))))
  const { rows } = await pool.query(
    'select sum(answers)::int as answers, count(*) as rows, range_agg(people)::text as people from kki.disclosure'
  )
  assert.equal(rows[0].answers, 1200)
  assert.equal(rows[0].people, '{[1,1201)}')
  assert.ok(rows[0].rows < 10, `${rows[0].rows} rows`)
  await pool.query('alter table kki.disclosure rename to elsewhere')
  await assert.rejects(writer.record(shown([1])), { code: '42P01' })
  await pool.query('alter table kki.elsewhere rename to disclosure')
  await writer.record(shown([1]))
})

test('expired records are deleted in whole blocks, and the rest can still be verified', async t => {
  const { database, pool } = await createTestDatabase(t)
  await recordDisclosures(database.pool, [shown([1])])
  await sealDisclosures(database, caller)
  await pool.query(`alter table kki.disclosure disable trigger all; alter table kki.audit_event disable trigger all;
    update kki.disclosure set at = at - interval '800 days'; update kki.audit_event set at = at - interval '800 days';
    alter table kki.disclosure enable trigger all; alter table kki.audit_event enable trigger all`)
  await recordDisclosures(database.pool, [shown([2])])
  await sealDisclosures(database, caller)
  await recordDisclosures(database.pool, [shown([3])])
  assert.equal(await purgeDisclosures(database, caller, 730), 1)
  assert.equal(await purgeDisclosures(database, caller, 730), 0)
  const { rows } = await pool.query('select people::text from kki.disclosure order by id')
  assert.deepEqual(
    rows.map(({ people }) => people),
    ['{[2,3)}', '{[3,4)}']
  )
  const { differing, blocks, unsealed, keptSince } = await proveDisclosures(pool as never)
  assert.deepEqual({ differing, blocks, unsealed }, { differing: [], blocks: 1, unsealed: 1 })
  assert.ok(keptSince)
})
