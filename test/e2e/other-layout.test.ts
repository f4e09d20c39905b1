import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startConnector } from './helpers.ts'

const file = (name: string) => fileURLToPath(new URL(`../../docs/integrate/examples/${name}`, import.meta.url))

test('another description reads another layout of KKI’s rows, as the guide for integrators shows', async t => {
  const records = JSON.parse(await readFile(file('other-layout-records.json'), 'utf8'))
  const { simulator, run, call, restart } = await startConnector(t)
  // A window ends before rows that were just added.
  const sortStamp = new Date(simulator.now() - 60_000).toISOString()
  simulator.putRecords(records.map((item: object) => ({ ...item, sortStamp })))
  const refused = await run({ mode: 'incremental' })
  assert.deepEqual(refused.batches[0]?.ledger.rejected, records.length, 'the mapping that is there does not know it')

  await restart({ KKI_SOURCE_FILE: file('other-layout-source.json') })
  const again = await run({ mode: 'incremental' })
  assert.equal(again.state, 'applied')
  const search = await call('POST', '/v1/health-workers/search', { name: 'Melati Kusuma' })
  assert.equal((search.body as { items: unknown[] }).items.length, 1, JSON.stringify(search.body))
})
