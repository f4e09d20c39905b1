import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inTransaction, oneMoment } from '../../sidecar/platform/transaction.ts'
import { readPeopleBefore } from '../../sidecar/review/as-decided.ts'
import { type Applied, candidate, createRegistry, stageRows } from './helpers.ts'

test('people are shown as they were before a batch that changed nothing, whichever batch has the higher id', async t => {
  const registry = await createRegistry(t)
  const { pool, database, identity } = registry
  const end = (batchId: number) =>
    pool.query(`update kki.batch set state = 'applied', finished_at = clock_timestamp() where id = $1`, [batchId])
  const rename = async (name: string, changedAt: string): Promise<Applied> => {
    const contentHash = candidate().contentHash
    const applied = await registry.apply({ ...stored, name, nameKey: name.toUpperCase(), changedAt, contentHash })
    assert.equal(applied.summary.updated, 1)
    await end(applied.batchId)
    return applied
  }
  const stored = candidate({ name: 'Agus', nameKey: 'AGUS' })
  await end((await registry.apply(stored)).batchId)
  const quiet = await stageRows(database, identity, [stored], { kind: 'decision' })
  await rename('Agus S', '2026-02-01T00:00:00.000Z')
  await end(quiet)
  await rename('Agus Salim', '2026-03-01T00:00:00.000Z')
  const { rows } = await pool.query<{ id: number }>('select id from sdmk.health_worker')
  const ids = rows.map(({ id }) => id)
  const people = await inTransaction(pool, client => readPeopleBefore(client, quiet, ids), oneMoment)
  assert.deepEqual(
    people.map(({ name }) => name),
    ['Agus S']
  )
})
