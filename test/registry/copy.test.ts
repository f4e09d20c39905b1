import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CopyText, type CopyValue, copyLines } from '../../sidecar/registry/copy.ts'
import { createTestDatabase } from '../helpers/database.ts'

test('any text, bytes and JSON are copied unchanged', async t => {
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
  const lines = new CopyText()
  await fc.assert(
    fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async rows => {
      const found = await database.withTransaction(async client => {
        await client.query(
          'create temp table copied (i int, t text, n int, b boolean, x bytea, j jsonb, a text[]) on commit drop'
        )
        for (const [i, { t, n, b, x, j, a }] of rows.entries()) lines.add([i, t, n, b, x, j, a] as CopyValue[])
        const copied = lines.take()
        await copyLines(client, 'copied', ['i', 't', 'n', 'b', 'x', 'j', 'a'], [copied])
        lines.giveBack(copied)
        return (await client.query('select t, n, b, x, j, a from copied order by i')).rows
      })
      assert.deepEqual(found, rows)
    }),
    { numRuns: 50 }
  )
})

test('lines that were taken stay unchanged while others are written, until their memory is released', () => {
  const text = new CopyText()
  const write = (...rows: CopyValue[][]) => {
    for (const row of rows) text.add(row)
    return text.take()
  }
  const long = 'x'.repeat(100_000)
  const first = write([1, 'Siti'])
  const second = write([2, long], [3, 'Rudi'])
  assert.equal(first.toString(), '1\tSiti\n')
  assert.equal(second.toString(), `2\t${long}\n3\tRudi\n`)
  text.giveBack(second)
  write()
  assert.equal(write([4, null]).toString(), '4\t\\N\n')
  assert.equal(first.toString(), '1\tSiti\n')
})
