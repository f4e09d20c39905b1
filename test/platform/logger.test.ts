import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLogger } from '../../sidecar/platform/logger.ts'

/** What a logger writes for one line, parsed. */
function logged(write: (logger: ReturnType<typeof createLogger>) => void): Record<string, unknown> {
  let text = ''
  const logger = createLogger('info', {
    write: line => {
      text += line
    }
  })
  write(logger)
  return JSON.parse(text)
}

test('personal fields and secrets are replaced wherever they stand', () => {
  const line = logged(logger =>
    logger.info({
      nik: '3171010101900001',
      batchId: 7,
      row: { nama: 'Orang Rekaan', raw: { nomor_str: 'EQ00000000000001', authorization: 'Bearer x' } },
      rows: [{ name: 'Orang Rekaan' }]
    })
  )
  const text = JSON.stringify(line)
  assert.doesNotMatch(text, /3171010101900001|Orang|EQ0000|Bearer/)
  assert.equal(line.batchId, 7)
  assert.equal(line.level, 'info')
})

test('an error is logged with its code, stack and cause, without what drivers hang on it', () => {
  const cause = Object.assign(new Error('connection reset'), { code: 'ECONNRESET' })
  const error = Object.assign(new Error('query failed', { cause }), {
    detail: 'Key (str)=(EQ01) exists',
    code: '23505'
  })
  const { err } = logged(logger => logger.error({ err: error }, 'failed')) as { err: Record<string, unknown> }
  assert.equal(err.code, '23505')
  assert.match(String(err.stack), /logger\.test\.ts/)
  assert.equal((err.cause as { code: string }).code, 'ECONNRESET')
  assert.doesNotMatch(JSON.stringify(err), /EQ01/)
})
