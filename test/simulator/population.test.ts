import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brokenKinds, isBrokenKind, type Kind } from '../../simulator/kinds.ts'
import { Layout } from '../../simulator/layout.ts'
import { Permutation } from '../../simulator/permutation.ts'
import { Population } from '../../simulator/population.ts'
import { canonicalForm } from '../../simulator/str-number.ts'

const range = (size: number) => Array.from({ length: size }, (_, index) => index)

function countKinds(rows: number, brokenShare: number): Map<Kind, number> {
  const layout = new Layout(1, rows, brokenShare)
  const counts = new Map<Kind, number>()
  for (const index of range(rows)) {
    const { kind } = layout.roleOf(index)
    counts.set(kind, (counts.get(kind) ?? 0) + 1)
  }
  return counts
}

test('a permutation sends every number to another one and back', () => {
  for (const size of [1, 2, 7, 1000]) {
    const permutation = new Permutation(1, 2, size)
    const images = range(size).map(value => permutation.apply(value))
    assert.deepEqual(
      images.toSorted((a, b) => a - b),
      range(size)
    )
    assert.deepEqual(
      images.map(image => permutation.invert(image)),
      range(size)
    )
  }
})

test('the share of broken records is kept, with an equal part of each kind', () => {
  for (const brokenShare of [0, 0.001, 0.02, 0.3]) {
    const counts = countKinds(50_000, brokenShare)
    const broken = [...counts].filter(([kind]) => isBrokenKind(kind))
    const total = broken.reduce((sum, [, count]) => sum + count, 0)
    assert.ok(Math.abs(total - 50_000 * brokenShare) <= 4, `${total} of ${50_000 * brokenShare}`)
    const units = broken.map(([kind, count]) => (kind === 'str-of-two-people' ? count / 2 : count))
    assert.ok(Math.max(...units) - Math.min(...units) <= 2)
    if (brokenShare > 0) assert.equal(broken.length, Object.keys(brokenKinds).length)
  }
})

test('both records of a pair refer to each other, and the older one comes first', () => {
  for (const rows of [1, 3, 150, 1234]) {
    const layout = new Layout(5, rows, 0.1)
    for (const index of range(rows)) {
      const { leader, partner } = layout.roleOf(index)
      assert.ok(leader <= index)
      if (partner < 0) assert.equal(leader, index)
      else {
        assert.equal(layout.roleOf(partner).partner, index)
        assert.equal(leader, Math.min(index, partner))
      }
    }
  }
})

test('eligible numbers name ordinary records, each once', () => {
  const layout = new Layout(5, 1234, 0.1)
  const indices = range(layout.eligible).map(number => layout.eligibleAt(number))
  assert.equal(new Set(indices).size, layout.eligible)
  for (const [number, index] of indices.entries()) {
    assert.equal(layout.eligibleNumberOf(index), number)
    assert.equal(layout.roleOf(index).partner, -1)
  }
})

test('NIKs and STRs are unique, except where a pair shares them', () => {
  const population = new Population({ seed: 2, rows: 20_000, brokenShare: 0 })
  const niks = new Map<string, Kind>()
  const strs = new Map<string, Kind>()
  for (const index of range(20_000)) {
    const kind = population.kindOf(index)
    const { json, str } = population.recordOf(index)
    const { nik } = JSON.parse(json)
    if (kind === 'foreign') assert.equal(nik, null)
    else assert.match(nik, /^\d{16}$/)
    if (nik !== null && niks.has(nik)) assert.match(kind, /^(second-registration|shared-str|supersed)/)
    if (nik !== null) niks.set(nik, kind)
    const canonical = canonicalForm(str)
    if (strs.has(canonical)) assert.match(kind, /^(shared-str|supersed)/)
    strs.set(canonical, kind)
  }
})

test('an active second registration is in another profession, an inactive one in the same', () => {
  const population = new Population({ seed: 2, rows: 5000, brokenShare: 0 })
  const layout = new Layout(2, 5000, 0)
  const seen = new Set<Kind>()
  for (const index of range(5000)) {
    const { kind, leader } = layout.roleOf(index)
    if (kind !== 'second-registration' && kind !== 'second-registration-ended') continue
    seen.add(kind)
    const isSame = population.writtenProfessionOf(index) === population.writtenProfessionOf(leader)
    assert.equal(isSame, kind === 'second-registration-ended')
  }
  assert.equal(seen.size, 2)
})

test('a NIK as a number is sent with all its digits', () => {
  const population = new Population({ seed: 2, rows: 5000, brokenShare: 0.2 })
  const index = range(5000).find(place => population.kindOf(place) === 'nik-as-number') ?? -1
  assert.match(population.recordOf(index).json, /"nik":\d{16},/)
})
