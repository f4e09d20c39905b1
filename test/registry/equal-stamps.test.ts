import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openRow, type SealedRow } from '../../sidecar/identity/open-sealed.ts'
import type { RegistrationStatus } from '../../sidecar/registration-terms.ts'
import { findAffected } from '../../sidecar/registry/pending.ts'
import type { Candidate } from '../../sidecar/transform/types.ts'
import { candidate, createRegistry, decide, type Registry } from './helpers.ts'

const words = {
  active: 'AKTIF',
  expired: 'KEDALUWARSA',
  suspended: 'DIBEKUKAN',
  inactive: 'TIDAK AKTIF',
  revoked: 'DICABUT',
  deceased: 'MENINGGAL'
} as const
type Status = keyof typeof words
/** From what counts least to what counts most. */
const statuses = Object.keys(words) as Status[]
const stamp = '2026-03-01T00:00:00.000Z'
const numRuns = Number(process.env.TEST_PROPERTY_RUNS ?? 12)

/** Another statement about the same licence; by default of the same moment. */
function said(row: Candidate, status: Status, given: Partial<Candidate> = {}): Candidate {
  return {
    ...row,
    status,
    sourceStatus: words[status],
    changedAt: stamp,
    contentHash: candidate().contentHash,
    ...given
  }
}

const withFault = (given: Partial<Candidate> = {}): Partial<Candidate> => ({
  deactivationOnly: true,
  problems: [{ code: 'DATE_INVALID', instancePath: '/tanggal_lahir', params: { reason: 'format' } }],
  ...given
})

async function statusOf({ pool }: Registry, { strNumber, profession }: Candidate) {
  const { rows } = await pool.query<{ stated: RegistrationStatus; status: RegistrationStatus }>(
    'select stated_status as stated, status from sdmk.registration where str_number = $1 and profession = $2',
    [strNumber, profession]
  )
  return rows[0]
}

/** Applies the batches one after the other, and after each what waited for it, as the service does. */
async function feed(registry: Registry, batches: Candidate[][]): Promise<void> {
  const rows = batches.flat()
  for (const batch of batches) {
    if (batch.length === 0) continue
    const { batchId } = await registry.apply(...batch)
    const ids = await registry.database.withTransaction(client =>
      findAffected(client, batchId, { after: 0, limit: 1000 })
    )
    if (ids.length === 0) continue
    const { rows: waiting } = await registry.pool.query<Omit<SealedRow, 'source'>>(
      `select distinct on (o.batch_id, o.row_no) o.batch_id as "batchId", o.row_no as "rowNo", r.subject,
        o.content_digest as "contentDigest", o.raw_sealed as "rawSealed"
      from kki.rejection_occurrence o join kki.rejection r on r.id = o.rejection_id
      where rejection_id = any ($1) and settled_by_batch_id is null order by o.batch_id, o.row_no`,
      [ids]
    )
    const taken = waiting.map(row => {
      const { contentHash } = JSON.parse(openRow(registry.identity, { ...row, source: 'kki' })) as Candidate
      return rows.find(row => row.contentHash === contentHash) as Candidate
    })
    await registry.apply(...taken)
  }
}

interface Scenario {
  stored: Candidate
  batches: Candidate[][]
}

/** Runs scenarios side by side, each with its own licence: the first batches of all form one batch, and so on. */
async function play(registry: Registry, scenarios: Scenario[]): Promise<void> {
  await registry.apply(...scenarios.map(({ stored }) => stored))
  const longest = Math.max(...scenarios.map(({ batches }) => batches.length))
  const together = Array.from({ length: longest }, (_, n) => scenarios.flatMap(({ batches }) => batches[n] ?? []))
  await feed(registry, together)
}

function permutations<T>(items: T[]): T[][] {
  if (items.length < 2) return [items]
  return items.flatMap((item, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map(rest => [item, ...rest])
  )
}

/** All ways to cut a list into batches. */
function cuts<T>(items: T[]): T[][][] {
  const [first, ...rest] = items
  if (first === undefined) return [[]]
  return cuts(rest).flatMap(tail => {
    const alone = [[first], ...tail]
    return tail[0] === undefined ? [alone] : [alone, [[first, ...tail[0]], ...tail.slice(1)]]
  })
}

function gravest(said: Status[]): Status {
  return statuses[Math.max(...said.map(status => statuses.indexOf(status)))] as Status
}

describe('of rows with one stamp', { concurrency: 2 }, () => {
  test('the deactivation counts, in every order and every cut into batches', async t => {
    const r = await createRegistry(t)
    const choices: Status[][] = [
      ['active', 'revoked'],
      ['active', 'suspended', 'revoked'],
      ['revoked', 'active', 'deceased'],
      ['expired', 'active', 'inactive', 'suspended']
    ]
    const scenarios = choices.flatMap(chosen =>
      permutations(chosen).flatMap(order =>
        cuts(order).map(cut => {
          const stored = candidate()
          const expected = gravest(chosen)
          return { stored, cut, expected, batches: cut.map(batch => batch.map(status => said(stored, status))) }
        })
      )
    )
    await play(r, scenarios)
    for (const { stored, cut, expected } of scenarios) {
      assert.equal((await statusOf(r, stored))?.status, expected, JSON.stringify(cut))
    }
  })

  test('the same holds for any statements, valid or broken, with any two stamps, for any licence', async t => {
    const r = await createRegistry(t)
    const statement = fc.record({
      status: fc.constantFrom(...statuses),
      day: fc.constantFrom(1, 1, 2),
      kind: fc.constantFrom('whole', 'whole', 'fault', 'faultWithoutProfession', 'withoutNik')
    })
    const scenario = fc.array(statement, { minLength: 2, maxLength: 5 }).chain(list =>
      fc.record({
        list: fc.constant(list),
        order: fc.shuffledSubarray([...list.keys()], { minLength: list.length }),
        sizes: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 })
      })
    )
    await fc.assert(
      fc.asyncProperty(fc.array(scenario, { minLength: 1, maxLength: 40 }), async drawn => {
        const scenarios = drawn.map(({ list, order, sizes }) => {
          const stored = candidate()
          const rows = list.map(({ status, day, kind }) => {
            const isBroken = kind.startsWith('fault') && status !== 'active'
            return said(stored, status, {
              changedAt: `2026-03-0${day}T00:00:00.000Z`,
              ...(isBroken && withFault(kind === 'fault' ? {} : { profession: '' })),
              ...(kind === 'withoutNik' && { nik: null })
            })
          })
          const batches: Candidate[][] = []
          for (let at = 0, i = 0; at < order.length; i++) {
            const size = sizes[i % sizes.length] as number
            batches.push(order.slice(at, at + size).map(n => rows[n] as Candidate))
            at += size
          }
          const last = Math.max(...list.map(({ day }) => day))
          const expected = gravest(list.filter(({ day }) => day === last).map(({ status }) => status))
          return { stored, batches, expected, list }
        })
        await play(r, scenarios)
        for (const { stored, expected, list } of scenarios) {
          assert.equal((await statusOf(r, stored))?.stated, expected, JSON.stringify(list))
        }
      }),
      { numRuns }
    )
  })

  test('an active row does not change a stored deactivation, also if the row is known, and counts as unchanged', async t => {
    const r = await createRegistry(t)
    const stored = candidate()
    const active = said(stored, 'active')
    await r.apply(active)
    await r.apply(active)
    await r.apply(said(stored, 'revoked'))
    for (let n = 0; n < 2; n++) {
      const { outcomes, deactivated } = await r.apply(active)
      assert.deepEqual([outcomes[0]?.outcome, outcomes[0]?.urgent, deactivated], ['unchanged', false, 0])
    }
    assert.equal((await statusOf(r, stored))?.status, 'revoked')
    const later = await r.apply(said(stored, 'active', { changedAt: '2026-03-02T00:00:00.000Z' }))
    assert.equal(later.outcomes[0]?.outcome, 'updated')
    assert.equal((await statusOf(r, stored))?.status, 'active')
  })

  test('a stored statement that is read again under another mapping counts in its new reading', async t => {
    const r = await createRegistry(t)
    const stored = candidate()
    await r.apply(said(stored, 'revoked', { sourceStatus: 'NON AKTIF' }))
    await r.apply(stored)
    await r.apply(said(stored, 'revoked', { sourceStatus: 'NON AKTIF' }))
    assert.equal((await statusOf(r, stored))?.status, 'revoked')
    await r.apply(said(stored, 'suspended', { sourceStatus: 'NON AKTIF' }))
    assert.equal((await statusOf(r, stored))?.status, 'suspended')
  })

  test('a deactivation that waits for its licence is not settled by the row with the same stamp that brings it', async t => {
    const r = await createRegistry(t)
    const licence = said(candidate(), 'active')
    await feed(r, [[said(licence, 'revoked')], [licence]])
    assert.equal((await statusOf(r, licence))?.status, 'revoked')
    const other = said(candidate(), 'active')
    await feed(r, [[said(other, 'revoked', withFault())], [other]])
    assert.equal((await statusOf(r, other))?.status, 'revoked')
  })

  test('a deactivation with an uncertain holder stays pending when the row with the same stamp arrives', async t => {
    const r = await createRegistry(t)
    const [stored, other] = [candidate(), candidate()]
    await r.apply(stored, other)
    const doubtful = said(stored, 'revoked', { nik: other.nik })
    assert.deepEqual((await r.apply(doubtful)).outcomes[0]?.codes, ['IDENTITY_CONFLICT'])
    await r.apply(said(stored, 'active'))
    await r.apply(said(stored, 'active', { nik: other.nik }))
    const { rows } = await r.pool.query(
      `select o.status, d.state, d.urgent from kki.rejection_occurrence o join kki.rejection d on d.id = o.rejection_id
      where o.settled_by_batch_id is null and o.status = 'revoked'`
    )
    assert.deepEqual(rows, [{ status: 'revoked', state: 'open', urgent: true }])
  })

  test('a decision about the active row moves the licence and keeps it deactivated', async t => {
    const r = await createRegistry(t)
    const [stored, other] = [candidate(), candidate()]
    await r.apply(said(stored, 'revoked'), other)
    const { rows } = await r.pool.query('select id from sdmk.health_worker where nik_digest = $1', [
      r.identity.digestNik(other.nik as string)
    ])
    const row = said(stored, 'active', { nik: other.nik, name: other.name, nameKey: other.nameKey })
    await r.apply(said(stored, 'active', { changedAt: '2026-01-01T00:00:00.000Z' }))
    await r.apply(said(stored, 'revoked'))
    await decide(r, row, rows[0].id)
    await r.applyWith({ kind: 'decision' }, row)
    const found = await statusOf(r, stored)
    assert.equal(found?.stated, 'revoked')
  })
})
