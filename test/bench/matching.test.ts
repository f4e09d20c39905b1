import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { guardNames, withBroken } from '../../bench/matching/broken.ts'
import { Chance } from '../../bench/matching/chance.ts'
import { classes, type MatchClass } from '../../bench/matching/classes.ts'
import { evaluate, type Failure, type RowResult, type Verdict } from '../../bench/matching/evaluate.ts'
import { generate, type LabelledRow, orders } from '../../bench/matching/generate.ts'
import { People, type Person } from '../../bench/matching/people.ts'
import { runFeeds } from '../../bench/matching/run.ts'
import { type Row, Story } from '../../bench/matching/story.ts'
import { isWithin, scaled, targets } from '../../bench/matching/targets.ts'
import { planBatch } from '../../sidecar/registry/plan.ts'
import { createTestDatabase } from '../helpers/database.ts'

const mappingFile = fileURLToPath(new URL('../../contracts/sources/kki.json', import.meta.url))
const planted: MatchClass = { name: 'planted', group: 'people', truth: 'two people', tell() {} }

/** Evaluates rows of one case, one batch each, with a known truth, and results that the test may change. */
async function judged(
  t: Parameters<typeof createTestDatabase>[0],
  rows: [Person, Row][],
  people: Person[],
  changed = (result: RowResult) => result
): Promise<Verdict> {
  const { database } = await createTestDatabase(t)
  const steps = rows.map(([person, record], at): LabelledRow[][] => [
    [{ record: { ...record, diubah_pada: `2026-0${at + 1}-05T08:00:00Z` }, person: person.id, case: 0 }]
  ])
  const labelled = { cases: [planted], people, steps }
  const { results, identity } = await runFeeds(database, mappingFile, planBatch, labelled)
  const { verdicts } = await evaluate(database, identity, labelled, results.map(changed))
  return verdicts[0] as Verdict
}

const failures = [
  'wrong',
  'acquired',
  'renamed',
  'deactivated',
  'notUrgent',
  'splitBoth',
  'splitOne',
  'splitNone'
] as const

function failuresOf(verdict: Verdict): Partial<Record<Failure, number>> {
  return Object.fromEntries(
    failures.filter(failure => verdict[failure] > 0).map(failure => [failure, verdict[failure]])
  )
}

/** Two people, and what KKI writes of either. */
function cast() {
  const story = new Story(0, new People(new Chance(1)), { made: 0 })
  const one = story.somebody({ names: ['Sekar', 'Purnama'], isWoman: true, year: 1980 })
  const other = story.somebody({ names: ['Guntur', 'Samudra'], isWoman: false, year: 1990 })
  const row = (person: Person, given: Row = {}) => story.tells(0, person, given)
  return { one, other, row, people: [one, other] }
}

test('correct rows have no errors', async t => {
  const { one, other, row, people } = cast()
  const verdict = await judged(
    t,
    [
      [one, row(one)],
      [other, row(other)],
      [one, row(one)]
    ],
    people
  )
  assert.deepEqual(failuresOf(verdict), {})
  assert.equal(verdict.automatic, 1)
})

test('a row on the record of another person is a wrong merge', async t => {
  const { one, other, row, people } = cast()
  const alike = { ...one, id: other.id }
  assert.deepEqual(
    failuresOf(
      await judged(
        t,
        [
          [one, row(one)],
          [other, row(alike)]
        ],
        people
      )
    ),
    { wrong: 1 }
  )
})

test('a record that gets the name of another person is counted', async t => {
  const { one, row, people } = cast()
  const other = { ...one, id: 2, names: [...one.names, 'Lestari'] }
  const first = row(one)
  const second = { ...row(other), nomor_str: first.nomor_str }
  const verdict = await judged(
    t,
    [
      [one, first],
      [other, second]
    ],
    [one, other, ...people.slice(2)]
  )
  assert.deepEqual(failuresOf(verdict), { wrong: 1, renamed: 1 })
})

test("a record that gets the NIK of another person from that person's row is counted", async t => {
  const { one, other, row, people } = cast()
  const first = row(one, { nik: null })
  const second = { ...first, nik: other.nik, provinsi: 'Bali' }
  assert.deepEqual(
    failuresOf(
      await judged(
        t,
        [
          [one, first],
          [other, second]
        ],
        people
      )
    ),
    { wrong: 1, acquired: 1 }
  )
})

test("a wrong NIK on a row of the record's own person does not count as acquired", async t => {
  const { one, other, row, people } = cast()
  assert.deepEqual(failuresOf(await judged(t, [[one, row(one, { nik: other.nik })]], people)), {})
})

test("a licence that another person's row deactivates is counted, and one that its holder's row deactivates is not", async t => {
  const { one, other, row, people } = cast()
  const first = row(one)
  const dead = { ...first, status_str: 'MENINGGAL' }
  assert.deepEqual(
    failuresOf(
      await judged(
        t,
        [
          [one, first],
          [other, dead]
        ],
        people
      )
    ),
    { wrong: 1, deactivated: 1 }
  )
  assert.deepEqual(
    failuresOf(
      await judged(
        t,
        [
          [one, first],
          [one, dead]
        ],
        people
      )
    ),
    {}
  )
})

test('a rejected deactivation of a known licence is counted unless it is urgent', async t => {
  const { one, row, people } = cast()
  const first = row(one)
  const rows: [Person, Row][] = [
    [one, first],
    [one, { ...first, status_str: 'DICABUT' }]
  ]
  const rejected = (urgent: boolean) => (result: RowResult) =>
    result.record.status_str === 'DICABUT' ? { ...result, outcome: 'rejected', healthWorkerId: null, urgent } : result
  assert.deepEqual(failuresOf(await judged(t, rows, people, rejected(true))), {})
  assert.deepEqual(failuresOf(await judged(t, rows, people, rejected(false))), { notUrgent: 1 })
})

test('one person with two records is a split, counted by the NIKs of its rows', async t => {
  const { one, other, row, people } = cast()
  const elsewhere = { ...other, id: one.id }
  const without = { nik: null }
  assert.deepEqual(
    failuresOf(
      await judged(
        t,
        [
          [one, row(one)],
          [one, row(elsewhere)]
        ],
        people
      )
    ),
    { splitBoth: 1 }
  )
  assert.deepEqual(
    failuresOf(
      await judged(
        t,
        [
          [one, row(one)],
          [one, row(elsewhere, without)]
        ],
        people
      )
    ),
    { splitOne: 1 }
  )
  assert.deepEqual(
    failuresOf(
      await judged(
        t,
        [
          [one, row(one, without)],
          [one, row(elsewhere, without)]
        ],
        people
      )
    ),
    { splitNone: 1 }
  )
})

test('a split that an open review shows is not silent', async t => {
  const { one, other, row, people } = cast()
  const elsewhere = { ...other, id: one.id }
  const unreadable = row(one, { profesi: 'PENGOBAT_ALTERNATIF' })
  const verdict = await judged(
    t,
    [
      [one, row(one)],
      [one, row(elsewhere)],
      [one, unreadable]
    ],
    people
  )
  assert.equal(verdict.splitBoth, 0)
  assert.equal(verdict.rejected, 1)
  assert.deepEqual(verdict.codes, { PROFESSION_UNKNOWN: 1 })
})

test('a seed gives the same rows again, every class has the people that it names, and each row belongs to its case', () => {
  const few = generate(7, 12)
  assert.deepEqual(generate(7, 12), few)
  const rows = few.steps.flat(2)
  for (const [number, { name, truth }] of few.cases.entries()) {
    const people = new Set(rows.filter(row => row.case === number).map(({ person }) => person))
    const most = { 'one person': 1, 'two people': 2, 'one or two people': 2, 'three people': 3 }[truth]
    assert.ok(people.size >= 1 && people.size <= most, name)
  }
  assert.equal(few.cases.length, classes.length * 12)
  assert.equal(new Set(few.people.map(({ nik }) => nik)).size, few.people.length)
})

test('every order has the same rows, stamped alike', () => {
  const rowsIn = (order: (typeof orders)[number]) =>
    generate(7, 3, classes, order)
      .steps.flat(2)
      .map(row => JSON.stringify(row))
      .sort()
  const [first, ...others] = orders.map(rowsIn)
  for (const other of others) assert.deepEqual(other, first)
})

test('limits of counts grow with the number of cases, and the limit of a share does not', () => {
  const [count, share] = [targets.find(({ isShare }) => !isShare), targets.find(({ isShare }) => isShare)]
  assert.ok(count && share)
  assert.equal(scaled(900, 100), 90)
  assert.ok(isWithin(share, 0.5, 0.5, 10) && !isWithin(share, 0.5, 0.6, 1000))
  assert.ok(!isWithin(count, 0, 1, 10))
})

for (const guard of guardNames) {
  test(`${guard} can be switched off`, async () => {
    const plan = await withBroken(guard, async broken => broken)
    assert.equal(typeof plan, 'function')
    assert.notEqual(plan, planBatch)
  })
}
