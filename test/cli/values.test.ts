import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProgram } from '../../sidecar/cli/program.ts'
import { id, instantOrDay, mostSimulatedRows, rowPlace, toInstant, wholeNumber } from '../../sidecar/cli/values.ts'
import { isDay, parseInstant } from '../../sidecar/platform/instant.ts'
import { MAX_ROWS } from '../../simulator/str-number.ts'
import { runSdmk } from '../e2e/process.ts'
import { oddInstants, oddNumbers } from '../helpers/odd-values.ts'

const readable = oddInstants.slice(0, oddInstants.indexOf('2026-02-01T00:00:00+07'))
const others = oddInstants.slice(readable.length)

test('an RFC 3339 instant is read as the moment that it names', () => {
  for (const text of readable) {
    const at = parseInstant(text)
    assert.equal(
      at?.getTime(),
      Date.parse(
        text
          .toUpperCase()
          .replace(' ', 'T')
          .replace(/(\.\d{3})\d+/, '$1')
      ),
      text
    )
  }
})

test('a text that is not an RFC 3339 instant, or names one that does not exist, is not read', () => {
  for (const text of others) assert.equal(parseInstant(text), null, text)
})

test('only days of the calendar are read as days', () => {
  for (const year of [1900, 2000, 2023, 2024]) {
    for (let month = 0; month <= 13; month++) {
      for (let day = 0; day <= 32; day++) {
        const exists = month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate()
        assert.equal(isDay(`${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`), exists)
      }
    }
  }
})

test("a day means its first moment in the time zone of SDMK, whatever the machine's time zone", () => {
  const begins = (day: string, zone: string) => toInstant(instantOrDay(day), zone).toISOString()
  assert.equal(begins('2026-02-01', 'Asia/Jakarta'), '2026-01-31T17:00:00.000Z')
  assert.equal(begins('2026-01-01', 'Asia/Jayapura'), '2025-12-31T15:00:00.000Z')
  assert.equal(begins('2024-02-29', 'Pacific/Kiritimati'), '2024-02-28T10:00:00.000Z')
  assert.equal(begins('2026-12-31', 'Etc/GMT+12'), '2026-12-31T12:00:00.000Z')
  // Here the clock is put on at midnight, so that the day begins at one.
  assert.equal(begins('2026-04-24', 'Africa/Cairo'), '2026-04-23T22:00:00.000Z')
  assert.equal(begins('2026-02-01T08:00:00+07:00', 'Etc/UTC'), '2026-02-01T01:00:00.000Z')
})

test('an option for a time accepts only instants and days, and its error says so', () => {
  for (const text of others.filter(item => item !== '2026-02-01')) {
    assert.throws(() => instantOrDay(text), { message: /RFC 3339 instant with its offset.*or a day such as/ }, text)
  }
  for (const text of ['2026-02-30', '0000-01-01', '']) assert.throws(() => instantOrDay(text), /RFC 3339/)
})

test('a whole number is only decimal digits within its bounds', () => {
  const taken = oddNumbers.filter(text => {
    try {
      return wholeNumber(0, 100)(text) >= 0
    } catch (error) {
      assert.match(String(error), /a whole number from 0 to 100, in decimal digits/)
      return false
    }
  })
  assert.deepEqual(taken, ['0', '1', '007'])
  assert.equal(id('9007199254740991'), 2 ** 53 - 1)
  assert.throws(() => id('0'))
  assert.deepEqual(rowPlace('12:7'), { batchId: 12, rowNo: 7 })
  for (const text of ['12', '12:', ':7', '12:7:1', 'a:b', '0:1', '12:0x7', '']) {
    assert.throws(() => rowPlace(text), /such as 12:7/, text)
  }
})

/** Each place of the command line that takes a number or a time. */
const places: [string[], name: string][] = [
  [['sync', '--mode', 'window', '--since', '?'], '--since'],
  [['sync', '--mode', 'window', '--until', '?'], '--until'],
  [['simulator', '--port', '?'], '--port'],
  [['simulator', '--rows', '?'], '--rows'],
  [['simulator', '--seed', '?'], '--seed'],
  [['simulator', '--token-lifetime', '?'], '--token-lifetime'],
  [['demo', '--rows', '?'], '--rows'],
  [['demo', '--own', '?'], '--own'],
  [['rejections', 'list', '--batch', '?'], '--batch'],
  [['rejections', 'list', '--after', '?'], '--after'],
  [['rejections', 'list', '--limit', '?'], '--limit'],
  [['rejections', 'retry', '?'], 'ids'],
  [['rejections', 'retry', '--batch', '?'], '--batch'],
  [['rejections', 'reprocess', '--limit', '?'], '--limit'],
  [['rejections', 'dismiss', '--reason', 'checked', '--limit', '?'], '--limit'],
  [['rejections', 'resolve', '?', '--new'], 'id'],
  [['rejections', 'resolve', '1', '--to', '?'], '--to'],
  [['rejections', 'resolve', '1', '--new', '--row', '?'], '--row'],
  [['audit', 'verify', '--head', '?'], '--head'],
  [['keys', 'rotate', '--wait', '?'], '--wait']
]

test('the error of an invalid number or time names the option and the expected form', async () => {
  const odd = ['1e3', ' 5', '0x10', '5.5', '', '99999999999999999999', 'NaN', 'kemarin', '01/02/2026', '2026-02-30']
  for (const [template, name] of places) {
    for (const text of odd) {
      const program = createProgram()
      let said = ''
      const listen = (command: typeof program) => {
        command.configureOutput({
          writeErr(line) {
            said += line
          }
        })
        command.commands.forEach(listen)
      }
      listen(program)
      const args = template.map(argument => (argument === '?' ? text : argument))
      await assert.rejects(program.parseAsync(args, { from: 'user' }), { code: 'commander.invalidArgument' }, `${args}`)
      assert.ok(said.includes(name), said)
      assert.match(said, /It (?:must be|is) .+\d/, said)
    }
  }
})

test('a wrong call of the command ends with code 64 and one line, without a stack or a text of the database', async () => {
  const env = { SDMK_DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', KKI_BASE_URL: 'http://127.0.0.1:1' }
  for (const args of [
    ['sync', '--mode', 'window', '--since', 'kemarin'],
    ['sync', '--mode', 'window', '--since', '-1'],
    ['sync', '--mode', 'wrong'],
    ['simulator', '--port', '65536'],
    ['nothing-like-it'],
    ['person', 'report', '--reason', '3171010101900001']
  ]) {
    const { code, stdout, stderr } = await runSdmk(args, env)
    assert.deepEqual([code, stdout], [64, ''], stderr)
    assert.doesNotMatch(stderr, /\n\s+at |postgres|database|ECONN/)
    assert.ok(stderr.trim().split('\n').length <= 2, stderr)
  }
  const help = await runSdmk(['sync', '--help'], env)
  assert.equal(help.code, 0)
  assert.match(help.stdout.replace(/\s+/g, ' '), /its beginning in SDMK_TIME_ZONE \(Asia\/Jakarta unless set\)/)
})

test('the commands know the largest number of records that the simulator can list', () => {
  assert.equal(mostSimulatedRows, MAX_ROWS)
})
