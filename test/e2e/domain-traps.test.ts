import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import traps from '../../contracts/cases/domain-traps.json' with { type: 'json' }
import type { BatchBody, RunBody } from '../../sidecar/api/schemas.ts'
import { loadIdentity } from '../../sidecar/identity/keys.ts'
import { importPeople } from '../../sidecar/import/import-people.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import { turnClock } from '../../sidecar/sync/clock.ts'
import { createOwnTransform } from '../../sidecar/transform/own-person.ts'
import { silent } from '../helpers/server.ts'
import { type Connector, inject, startConnector, waitForRun } from './helpers.ts'

type Values = Record<string, unknown>
interface Step {
  kki?: Values[]
  run?: string
  state?: string
  holdReasons?: string[]
  import?: Values[]
  patch?: { str: string; set: Values }
  clock?: string
  remove?: string[]
}
interface Expected {
  licences: ({ str: string; profession?: string; warnings?: string[] } & Values)[]
  rejections: { code: string; str?: string; candidates?: number }[]
  people?: number
  notListed?: string[]
  ledger?: Values
}
interface Worker extends Values {
  id: number
  version: number
  registrations: ({ strNumber: string; profession: string } & Values)[]
}

const mappingFile = new URL('../../contracts/sources/kki.json', import.meta.url).pathname

describe('cases that a naive sync gets wrong', () => {
  for (const { number, description, steps, expected } of traps.cases as unknown as {
    number: number
    description: string
    steps: Step[]
    expected: Expected
  }[]) {
    test(`${number}: ${description}`, async t => {
      const connector = await startConnector(t)
      let batch: BatchBody | undefined
      for (const step of steps) batch = (await take(connector, step)) ?? batch
      await check(connector, expected, batch)
    })
  }

  test('has a case for each of the 25', () => {
    assert.deepEqual(
      traps.cases.map(({ number }) => number),
      Array.from({ length: 25 }, (_, i) => i + 1)
    )
  })
})

/** Takes a step and returns the batch that it made, if any. */
async function take(connector: Connector, step: Step): Promise<BatchBody | undefined> {
  const { app, call, simulator, run } = connector
  for (const id of step.remove ?? []) await fetch(`${simulator.url}/_records/${id}`, { method: 'DELETE' })
  if (step.clock) {
    await turnClock(
      { database: app.database, metrics: { batchApplied: () => {} } as never, logger: silent },
      step.clock
    )
  }
  if (step.patch) {
    const worker = await find(connector, step.patch.str)
    const edited = await call('PATCH', `/v1/health-workers/${worker?.id}`, step.patch.set, {
      'if-match': `"${worker?.version}"`
    })
    assert.equal(edited.status, 200, JSON.stringify(edited.body))
  }
  if (step.import) return importRows(connector, step.import)
  if (!step.kki && !step.run) return undefined
  await inject(
    simulator,
    (step.kki ?? []).map(({ id, ...given }) => {
      const record: Values = { ...traps.defaults, ...given }
      record.diubah_pada = stampOf(String(record.diubah_pada))
      return { id: String(id ?? `${record.nomor_str} ${record.profesi} ${record.nama}`), record }
    })
  )
  const body = step.run === 'full' ? { mode: 'full', professions: ['doctor'] } : {}
  const { batches, state } = (await run(body)) as RunBody
  assert.equal(state, step.state ?? 'applied', JSON.stringify(batches[0]?.error))
  if (step.holdReasons) assert.deepEqual(batches[0]?.holdReasons, step.holdReasons)
  return batches[0]
}

async function check(connector: Connector, expected: Expected, batch: BatchBody | undefined): Promise<void> {
  const people = new Set<number>()
  for (const { str, profession, warnings, ...values } of expected.licences) {
    const worker = await find(connector, str)
    const licence = worker?.registrations.find(
      r => r.strNumber === str && r.profession === (profession ?? r.profession)
    )
    assert.ok(worker && licence, `${str} is stored`)
    people.add(worker.id)
    const found: Values = { ...worker, ...licence }
    for (const [name, value] of Object.entries(values)) assert.deepEqual(found[name], value, `${str} ${name}`)
    if (warnings) assert.deepEqual(licence.warnings, warnings, str)
  }
  const { rows } = await connector.pool.query('select count(*) as licences from sdmk.registration')
  assert.equal(rows[0].licences, expected.licences.length, 'no other licence is stored')
  if (expected.people !== undefined) assert.equal(people.size, expected.people)
  const { body } = await connector.call('GET', '/v1/rejections?state=open&limit=100')
  const { items } = body as { items: { code: string; strNumber: string | null; candidates: number[] }[] }
  assert.deepEqual(
    items.map(({ code, strNumber }) => `${code} ${strNumber}`).sort(),
    expected.rejections.map(({ code, str }) => `${code} ${str ?? null}`).sort()
  )
  for (const { str, candidates } of expected.rejections) {
    if (candidates === undefined) continue
    assert.equal(items.find(({ strNumber }) => strNumber === str)?.candidates.length, candidates)
  }
  if (expected.notListed) {
    const notListed = await connector.call('GET', '/v1/registrations/not-listed')
    assert.deepEqual(
      (notListed.body as { items: { strNumber: string }[] }).items.map(({ strNumber }) => strNumber),
      expected.notListed
    )
  }
  for (const [counter, value] of Object.entries(expected.ledger ?? {})) {
    assert.equal(batch?.ledger[counter as 'unchanged'], value, counter)
  }
}

async function find({ call }: Connector, str: string): Promise<Worker | undefined> {
  const { body } = await call('POST', '/v1/health-workers/search', { str })
  return (body as { items: Worker[] }).items[0]
}

async function importRows({ app, call, secretsDir }: Connector, rows: Values[]): Promise<BatchBody | undefined> {
  const identity = await loadIdentity(createFileSecretStore(secretsDir))
  const transform = createOwnTransform(await loadMapping(mappingFile))
  const caller = { actor: 'importer', apiKeyId: null, requestId: 'test', traceId: '0'.repeat(32) }
  const { runId } = await app.database.withTransaction(client =>
    importPeople(client, { queue: app.queue, identity, transform }, rows, { caller })
  )
  const { batches } = await waitForRun(id => call('GET', `/v1/runs/${id}`), runId)
  assert.equal(batches[0]?.ledger.created, rows.length)
  return batches[0]
}

/** Returns the moment that `-60m` means; an instant stays unchanged. */
function stampOf(text: string): string {
  const [, minutes] = /^-(\d+)m$/.exec(text) ?? []
  return minutes === undefined ? text : new Date(Date.now() - Number(minutes) * 60_000).toISOString()
}
