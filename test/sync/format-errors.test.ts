import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatErrorLog } from '../../sidecar/sync/format-errors.ts'
import { keepLog, type LogLine } from '../helpers/log.ts'

const at = (rowNo: number) => ({ rowNo, page: Math.ceil(rowNo / 100), pageRow: ((rowNo - 1) % 100) + 1 })
test('each of a few format errors has a line with its place', () => {
  const { logger, lines } = keepLog()
  const log = new FormatErrorLog(logger)
  const problems = [
    { code: 'SCHEMA_INVALID', instancePath: '/nomor_str' },
    { code: 'DATE_INVALID', instancePath: '/tanggal_lahir' }
  ]
  log.add(at(1), [])
  log.add(at(2), problems)
  log.finish()
  assert.deepEqual(
    lines.map(({ level, msg, code, page, page_row, row, path }) => ({ level, msg, code, page, page_row, row, path })),
    problems.map(({ code, instancePath: path }) => ({
      ...{ level: 'warn', msg: 'a row of KKI has a format error', code, page: 1, page_row: 2, row: 2, path }
    }))
  )
})

test('an error of every row is logged twenty times, and then its count', () => {
  const { logger, lines } = keepLog()
  const log = new FormatErrorLog(logger)
  const missing = { code: 'SCHEMA_INVALID', instancePath: '/nama' }
  for (let rowNo = 1; rowNo <= 20_000; rowNo++) log.add(at(rowNo), [missing])
  log.add(at(20_001), [{ code: 'DATE_INVALID', instancePath: '/x' }])
  log.finish()
  assert.equal(lines.length, 21)
  const { errors, logged, counts } = lines[20] as LogLine
  const expected = { 'SCHEMA_INVALID /nama': 20_000, 'DATE_INVALID /x': 1 }
  assert.deepEqual({ errors, logged, counts }, { errors: 20_001, logged: 20, counts: expected })
})
