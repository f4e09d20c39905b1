import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { createKkiClient } from '../../sidecar/source/client.ts'
import type { SourceDescription } from '../../sidecar/source/description.ts'
import { loadDescription, mappingOf, parseDescription, shippedDescription } from '../../sidecar/source/load.ts'
import { walkPages } from '../../sidecar/source/pages.ts'
import type { KkiClient, PageQuery } from '../../sidecar/source/types.ts'
import { createTransform } from '../../sidecar/transform/transform.ts'
import { Population } from '../../simulator/population.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { canonicalForm } from '../../simulator/str-number.ts'
import { callContext, createMutex, memoryStore } from '../source/helpers/client.ts'
import { randomMeaning, randomParts } from './random-description.ts'

const own = await loadDescription(shippedDescription)
const numRuns = Number(process.env.TEST_PROPERTY_RUNS ?? 12) * 2
const rows = 150
const day = 24 * 3_600_000

function clientOf(simulator: Simulator, description: SourceDescription): KkiClient {
  return createKkiClient({
    description,
    baseUrl: simulator.url,
    secrets: memoryStore({ kki: simulator.secret }),
    withTokenLock: createMutex(),
    retryBaseMs: 1,
    retryMaxMs: 5,
    // The simulator begins some days behind, so that a day may pass.
    clockToleranceMs: 10 * day,
    logger: { info() {}, warn() {}, error() {} }
  })
}

/** Asks a simulator with the connector's client, and returns the STR of every row, sorted. */
async function readAll(simulator: Simulator, description: SourceDescription, window: Partial<PageQuery> = {}) {
  const client = clientOf(simulator, description)
  const transform = createTransform(mappingOf(description))
  const seen: string[] = []
  try {
    const query = { limit: description.limits.pageSize ?? 100, ...window }
    for await (const page of walkPages(client, query, callContext(), { maxPages: 1000 })) {
      for (const row of page.rows) {
        const result = transform(row, { sourceNow: page.sourceNow, maxSkewMs: 3_600_000 })
        assert.ok(result.ok, JSON.stringify({ row, result }))
        seen.push(result.value.strNumber)
      }
    }
  } finally {
    await client.close()
  }
  return seen.sort()
}

/** Every STR of the list, or of the people that a day changed; with their stamps. */
function strsOf(changes: (population: Population) => Iterable<{ index: number; stamp: number }>, days: number[]) {
  const population = new Population({ seed: 1, rows, brokenShare: 0 })
  for (const start of days) population.days.add(start, 0.3)
  return [...changes(population)].map(({ index, stamp }) => ({
    str: canonicalForm(population.recordOf(index).str),
    stamp
  }))
}

const whole = (population: Population) => population.walk(Number.NEGATIVE_INFINITY)
const sorted = (list: { str: string }[]) => list.map(({ str }) => str).sort()

test('the client reads random descriptions completely, despite faults, and no row of a window is missing', async () => {
  const meaning = randomMeaning(own.tables).filter(({ fields }) => fields.changedAt !== undefined)
  await fc.assert(
    fc.asyncProperty(randomParts, meaning, async (parts, { registrations, ...read }) => {
      const answer = { ...parts.answer, ...(registrations !== null && { registrations }) }
      const json = { ...parts, ...read, answer }
      const description = parseDescription(json, { file: 'random.json', defaults: own.tables })
      const simulator = await startSimulator({ rows, brokenShare: 0, like: description, behindSeconds: 5 * 24 * 3600 })
      try {
        assert.deepEqual(await readAll(simulator, description), sorted(strsOf(whole, [])))

        const start = simulator.now()
        simulator.newDay(0.3)
        const hasTokens = ['oauth2', 'session'].includes(description.authentication.type)
        if (hasTokens) simulator.addFault({ kind: 'expire-tokens', afterPages: 1 })
        if (description.answer.faults?.some(({ means }) => means === 'tryLater')) {
          simulator.addFault({ kind: 'described', means: 'tryLater', afterPages: 1 })
        }
        simulator.addFault({ kind: 'status', status: 503, afterPages: 1 })
        assert.deepEqual(await readAll(simulator, description), sorted(strsOf(whole, [start])))

        // A window whose first and last millisecond have a row each.
        simulator.clearFaults()
        const all = strsOf(whole, [start])
        const stamps = all.map(({ stamp }) => stamp).filter(stamp => stamp >= start)
        const [since = 0, until = 0] = [stamps.at(10), (stamps.at(-10) ?? 0) + 1]
        const bounds = { changedSince: new Date(since).toISOString(), changedUntil: new Date(until).toISOString() }
        const found = new Set(await readAll(simulator, description, bounds))
        const inside = all.filter(({ stamp }) => stamp >= since && stamp < until)
        assert.ok(inside.length > 10)
        for (const { str } of inside) assert.ok(found.has(str), `${str} is missing`)
        const near = new Set(sorted(all.filter(({ stamp }) => stamp >= since - day && stamp < until + day)))
        if (registrations === null) assert.ok(found.isSubsetOf(near))
      } finally {
        await simulator.close()
      }
    }),
    { numRuns }
  )
})

const sources = fileURLToPath(new URL('../../contracts/sources/', import.meta.url))
const described = ['kki.json', ...readdirSync(`${sources}examples`).map(name => `examples/${name}`)]

for (const name of described.filter(file => file.endsWith('.json'))) {
  test(`${name}: the client reads it completely, by profession and by STR`, async t => {
    const description = await loadDescription(sources + name)
    const simulator = await startSimulator({ rows, brokenShare: 0, like: description })
    t.after(() => simulator.close())
    assert.deepEqual(await readAll(simulator, description), sorted(strsOf(whole, [])))

    const nurse = description.tables.professions.find(({ code }) => code === 'nurse')
    const nurses = await readAll(simulator, description, { profession: nurse?.kkiCodes[0] ?? '' })
    const ofNurses = (population: Population) =>
      whole(population).filter(({ index }) => population.writtenProfessionOf(index) === 'PERAWAT')
    assert.deepEqual(nurses, sorted(strsOf(ofNurses, [])))

    const client = clientOf(simulator, description)
    t.after(() => client.close())
    if (!client.canAskByStr) return
    const page = await client.fetchByStr(nurses[0] ?? '', callContext())
    const [row] = page?.rows ?? []
    const result = createTransform(mappingOf(description))(row, { sourceNow: Date.now(), maxSkewMs: 0 })
    assert.equal(result.ok && result.value.strNumber, nurses[0])
    assert.equal(await client.fetchByStr('EQ00000000000000', callContext()), null)
  })
}
