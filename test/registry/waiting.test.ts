import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findNowKnown } from '../../sidecar/registry/waiting.ts'
import { candidate, createRegistry } from './helpers.ts'

// Which side is looked through depends on which is the smaller one; what is found does not.
for (const [size, strangers] of [
  ['less', 0],
  ['more', 8]
] as const) {
  test(`refused endings are found of which a batch brings the person or the licence, where it brings ${size} than waits`, async t => {
    const registry = await createRegistry(t)
    const [person, licence, stranger] = [candidate(), candidate(), candidate()]
    const ended = { status: 'revoked', sourceStatus: 'DICABUT' } as const
    const waiting = [
      { ...person, ...ended, strNumber: 'EQ90000000000001' },
      { ...licence, ...ended, nik: null },
      { ...stranger, ...ended },
      ...Array.from({ length: 4 }, () => candidate(ended))
    ]
    const refused = await registry.apply(...waiting)
    assert.equal(refused.summary.rejected, waiting.length)
    const older = { changedAt: '2025-01-01T00:00:00.000Z' }
    const brought = await registry.apply(
      { ...person, ...older, contentHash: 'aa'.repeat(16) },
      { ...licence, ...older, contentHash: 'bb'.repeat(16) },
      ...Array.from({ length: strangers }, () => candidate())
    )
    assert.equal(brought.summary.created, 2 + strangers)
    await registry.pool.query('update kki.batch set created = $2 where id = $1', [brought.batchId, 2 + strangers])
    const ids = await findNowKnown(registry.pool, brought.batchId)
    const { rows } = await registry.pool.query(
      'select subject from kki.rejection where id = any ($1) order by subject',
      [ids]
    )
    assert.deepEqual(
      rows.map(({ subject }) => subject),
      [licence.strNumber, 'EQ90000000000001']
    )
  })
}
