import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTraceId } from '../../sidecar/platform/trace-context.ts'
import { moveWatermarks } from '../../sidecar/sync/move-watermarks.ts'
import { knownUntil, listWatermarks } from '../../sidecar/sync/watermark.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { insertWatermarks, readPositions } from './watermarks.ts'

const at = (hour: number) => new Date(Date.UTC(2026, 10, 3, hour))
const batch = { windowUntil: at(7), sourceTime: at(8), fetchStartedAt: at(8), fetchedAt: at(9) }

for (const [description, given, expected] of [
  ['the end of its window', {}, at(7)],
  ['when KKI was asked, where its window reaches further', { windowUntil: at(20) }, at(8)],
  [
    'when it began to fetch, where both are later than the end of that by a clock that was ahead',
    { windowUntil: new Date('2027-11-03T07:00:00Z'), sourceTime: new Date('2027-11-03T08:00:00Z') },
    at(8)
  ],
  ['no time, where it has no window', { windowUntil: null }, null]
] as const) {
  test(`a batch knows of all changes until ${description}`, () => {
    assert.deepEqual(knownUntil({ ...batch, ...given }), expected)
  })
}

const caller = { actor: 'test', apiKeyId: null, requestId: 'test', traceId: createTraceId() }
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000)

async function setUp(t: Parameters<typeof createTestDatabase>[0], watermarks: Record<string, string>) {
  const { database, pool } = await createTestDatabase(t)
  if (Object.keys(watermarks).length > 0) await insertWatermarks(pool, watermarks)
  const move = (days: number, order: { profession?: string; skipGap?: boolean } = {}) => {
    const position = daysAgo(days)
    return database
      .withTransaction(client => moveWatermarks(client, { position, reason: 'a test', ...order }, caller))
      .then(moves => ({ time: position.toISOString(), moved: moves.map(({ partition }) => partition) }))
  }
  const audited = async () => (await pool.query('select detail from kki.audit_event')).rows.map(({ detail }) => detail)
  return { pool, move, audited }
}

test('watermarks that are later move back to a time, and no other one moves forward to it', async t => {
  const { pool, move, audited } = await setUp(t, { '*': '1 year', dentist: '-10 days', doctor: '-1 day' })
  const before = await readPositions(pool)
  const { time, moved } = await move(3)
  assert.deepEqual(moved, ['*', 'doctor'])
  assert.deepEqual(await readPositions(pool), { '*': time, dentist: before.dentist, doctor: time })
  assert.ok((await listWatermarks(pool)).every(({ isAhead }) => !isAhead))
  assert.deepEqual(await audited(), [
    {
      reason: 'a test',
      skipGap: false,
      moves: [
        { partition: '*', from: before['*'], to: time },
        { partition: 'doctor', from: before.doctor, to: time }
      ]
    }
  ])
})

test('the watermark of one profession moves back alone, where none of all professions counts for it', async t => {
  const { pool, move } = await setUp(t, { '*': '1 year', dentist: '-1 days', doctor: '-1 day' })
  const before = await readPositions(pool)
  const { time } = await move(3, { profession: 'doctor' })
  assert.deepEqual(await readPositions(pool), { ...before, doctor: time })
})

test('a watermark moves forward only where the gap is named, and never past the present', async t => {
  const { pool, move, audited } = await setUp(t, { '*': '-10 days', doctor: '-12 days' })
  const before = await readPositions(pool)
  await assert.rejects(move(-1), /time: must not be in the future/)
  await assert.rejects(move(-1, { skipGap: true }), /time: must not be in the future/)
  await assert.rejects(move(3), /time: is later than the watermark, which is \S+Z; .*Add --skip-gap/)
  await assert.rejects(
    move(20, { profession: 'doctor' }),
    /has no effect: the watermark of all professions, \S+Z, counts/
  )
  await assert.rejects(move(20, { profession: 'nurse' }), /profession: has no watermark of its own/)
  assert.deepEqual(await readPositions(pool), before)
  assert.deepEqual(await audited(), [])

  const { time } = await move(3, { skipGap: true })
  assert.deepEqual(await readPositions(pool), { '*': time, doctor: time })
  assert.equal((await audited())[0].skipGap, true)
})

test('without any watermark there is nothing to set back', async t => {
  const { move } = await setUp(t, {})
  await assert.rejects(move(1), /there is no watermark yet; the first run fetches everything/)
})
