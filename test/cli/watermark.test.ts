import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ensureSetting } from '../../sidecar/sync/settings.ts'
import { runSdmk } from '../e2e/process.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { insertWatermark, readPosition } from '../sync/watermark.ts'

test('a watermark in the future is shown, and can be set back with a reason that the audit keeps', async t => {
  const { url, pool, database } = await createTestDatabase(t)
  await database.withTransaction(client => ensureSetting(client, '0 2 * * *'))
  await insertWatermark(pool, '1 year')
  const sdmk = (...args: string[]) => runSdmk(args, { SDMK_DATABASE_URL: url })
  const shown = (await sdmk('status')).stdout
  assert.match(shown, /^Watermark: \S+Z \(later than the clock of the database: see docs\/operate\/watermark.md\)$/m)

  const before = await readPosition(pool)
  const reason = ['--reason', 'a clock was wrong']
  const local = await sdmk('watermark', 'set', '2026-10-01T00:00:00', ...reason)
  assert.deepEqual([local.code, local.stdout], [64, ''])
  assert.match(local.stderr, /argument 'time'.*RFC 3339/)
  const moved = await sdmk('watermark', 'set', '2026-10-01T00:00:00+07:00', ...reason)
  const time = '2026-09-30T17:00:00.000Z'
  assert.deepEqual([moved.code, moved.stdout], [0, `Watermark moved from ${before} to ${time}\n`])
  assert.equal(await readPosition(pool), time)
  const { rows } = await pool.query('select action, detail from kki.audit_event')
  assert.equal(rows.length, 1)
  const { action, detail } = rows[0]
  assert.deepEqual([action, detail.reason, detail.to], ['watermark.set', 'a clock was wrong', time])
  assert.equal((await sdmk('watermark')).stdout, `Watermark: ${time}\n`)
})
