import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createLogger } from '../../sidecar/platform/logger.ts'
import { OutageLog } from '../../sidecar/platform/outage-log.ts'

function openLog() {
  const lines: { level: string; msg: string; errors?: number; seconds?: number; err?: unknown }[] = []
  const write = (chunk: Buffer, _encoding: string, done: () => void) => {
    lines.push(JSON.parse(String(chunk)))
    done()
  }
  return { lines, logger: createLogger('info', new Writable({ write })) }
}

/** As pg-boss reports the errors of its workers. */
const refused = { message: 'connect ECONNREFUSED 127.0.0.1:5432', code: 'ECONNREFUSED', queue: 'kki-fetch' }

test('an outage is logged when it begins and when it is over, however often it is reported', async () => {
  const { lines, logger } = openLog()
  const log = new OutageLog(logger, { quietMs: 200 })
  for (let n = 0; n < 50; n++) log.report(n % 2 === 0 ? refused : new Error('Connection terminated unexpectedly'))
  assert.deepEqual(
    lines.map(({ level, msg }) => [level, msg]),
    [['error', 'the queue cannot reach the database']]
  )
  while (lines.length < 2) await sleep(10)
  assert.equal(lines[1]?.msg, 'the queue reaches the database again')
  assert.equal(lines[1]?.errors, 50)
  log.close()
})

test('other errors are logged one by one, without a library’s text', () => {
  const { lines, logger } = openLog()
  const log = new OutageLog(logger)
  for (let n = 0; n < 2; n++) log.report({ message: 'Budi Rekaan', code: '23505', queue: 'kki-fetch' })
  assert.equal(lines.length, 2)
  assert.doesNotMatch(JSON.stringify(lines), /Budi|\[object/)
  assert.match(JSON.stringify(lines[0]), /23505/)
})
