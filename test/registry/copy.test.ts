import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type CopyValue, copyLine, copyLines } from '../../sidecar/registry/copy.ts'
import { createTestDatabase } from '../helpers/database.ts'

test('whatever text, bytes and JSON are copied come back as they were', async t => {
  const { database } = await createTestDatabase(t)
  // PostgreSQL's text holds neither NUL nor lone surrogates; the transform takes both out.
  const text = fc.string({ unit: 'binary' }).map(value => value.replaceAll('\0', '').toWellFormed())
  const row = fc.record(
    {
      t: fc.option(text, { nil: null }),
      n: fc.option(fc.integer(), { nil: null }),
      b: fc.boolean(),
      x: fc.uint8Array({ maxLength: 40 }).map(bytes => Buffer.from(bytes)),
      j: fc.array(fc.record({ key: text }, { noNullPrototype: true }), { minLength: 1, maxLength: 3 }),
      a: fc.array(fc.constantFrom('STALE', 'NAME_CHANGED'), { minLength: 1, maxLength: 3 })
    },
    { noNullPrototype: true }
  )
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async rows => {
      const found = await database.withTransaction(async client => {
        await client.query(
          'create temp table copied (i int, t text, n int, b boolean, x bytea, j jsonb, a text[]) on commit drop'
        )
        const lines = rows.map(({ t, n, b, x, j, a }, i) => copyLine([i, t, n, b, x, j, a] as CopyValue[]))
        await copyLines(client, 'copied', ['i', 't', 'n', 'b', 'x', 'j', 'a'], [Buffer.from(lines.join(''))])
        return (await client.query('select t, n, b, x, j, a from copied order by i')).rows
      })
      assert.deepEqual(found, rows)
    }),
    { numRuns: 50 }
  )
})
