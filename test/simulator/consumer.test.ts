import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadMapping, shippedDescription } from '../../sidecar/source/load.ts'
import { createTransform } from '../../sidecar/transform/transform.ts'
import { brokenKinds, isBrokenKind } from '../../simulator/kinds.ts'
import { LAST_STAMP, Population } from '../../simulator/population.ts'
import { professionCodes } from '../../simulator/professions.ts'
import { field } from './client.ts'

const mapping = await loadMapping(shippedDescription)
const transform = createTransform(mapping)
const context = { sourceNow: LAST_STAMP, maxSkewMs: 3_600_000 }

test('valid rows pass the transform, and broken rows are rejected for their fault', () => {
  const population = new Population({ seed: 5, rows: 8000, brokenShare: 0.2 })
  const needsOthers = new Set<string>(['STR_AMBIGUOUS', 'IDENTITY_CONFLICT', 'POSSIBLE_DUPLICATE'])
  for (let i = 0; i < 8000; i++) {
    const kind = population.kindOf(i)
    const result = transform(JSON.parse(population.recordOf(i).json), context)
    const expected = isBrokenKind(kind) && !needsOthers.has(brokenKinds[kind]) ? brokenKinds[kind] : null
    const codes = result.ok ? result.value.problems.map(({ code }) => code) : result.rejections.map(({ code }) => code)
    if (expected === null) assert.deepEqual(codes, [], `${kind} at ${i}`)
    else assert.ok(codes.includes(expected), `${kind} at ${i}: ${codes}`)
  }
})

test('the list can be filtered by just the profession codes that the mapping knows', () => {
  assert.deepEqual(professionCodes.toSorted(), mapping.professions.flatMap(({ kkiCodes }) => kkiCodes).toSorted())
})

test('professions have their shares, and a few records use an old word', () => {
  const rows = 30_000
  const population = new Population({ seed: 3, rows, brokenShare: 0 })
  const counts = new Map<string | null, number>()
  for (let i = 0; i < rows; i++) {
    const code = population.writtenProfessionOf(i)
    counts.set(code, (counts.get(code) ?? 0) + 1)
    if (i % 100 === 0) assert.equal(field(JSON.parse(population.recordOf(i).json), 'profesi'), code)
  }
  const codes = new Set<string | null>(professionCodes)
  const aliased = [...counts].filter(([code]) => !codes.has(code)).reduce((sum, [, count]) => sum + count, 0)
  assert.ok(aliased > 0 && aliased < rows * 0.005, `${aliased} under an old word`)
  const nurses = (counts.get('PERAWAT') ?? 0) + (counts.get('NERS') ?? 0)
  assert.ok(nurses > rows * 0.28 && nurses < rows * 0.42, `${nurses} nurses`)
  assert.ok(professionCodes.every(code => (counts.get(code) ?? 0) > 0))
})
