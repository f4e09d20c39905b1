import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { SecretStoreUnavailable } from '../../sidecar/platform/errors.ts'
import { createLogger } from '../../sidecar/platform/logger.ts'
import { apart, inSpan } from '../../sidecar/platform/tracing.ts'
import { SecretUnreadable } from '../../sidecar/secrets/errors.ts'

/** The parsed line of a logger. */
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

test('personal fields and secrets are replaced at every depth', () => {
  const line = logged(logger =>
    logger.info(
      {
        nik: '3171010101900001',
        batch_id: 7,
        row: { nama: 'Orang Rekaan', as: { nomor_str: 'EQ00000000000001', authorization: 'Bearer x' } },
        rows: [{ name: 'Orang Rekaan' }]
      },
      'a test'
    )
  )
  const text = JSON.stringify(line)
  assert.doesNotMatch(text, /3171010101900001|Orang|EQ0000|Bearer/)
  assert.equal(line.batch_id, 7)
  assert.equal(line.level, 'info')
})

test('an error is logged with its code, stack and cause, without extra properties of drivers', () => {
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

/** Errors of libraries with personal data in their messages and fields, in every form that may be logged. */
function planted(): unknown[] {
  const parsed = (() => {
    try {
      return JSON.parse('{"nama": "Orang Rahasia"} x')
    } catch (error) {
      return error
    }
  })()
  const lines = new TypeError('value\n    at Orang Rahasia (3171010101900001)\n    at x (/Orang/Rahasia:1:1)\nend')
  const last = new TypeError('value\n    at x (/Orang/Rahasia:1:1)')
  const rewritten = new Error('first')
  rewritten.message = 'Orang Rahasia'
  return [
    parsed,
    lines,
    last,
    rewritten,
    new Error('invalid input syntax for type date: "Orang Rahasia"'),
    new Error('GET https://orang:rahasia@db.example/sdmk failed with Bearer eyJrahasia'),
    Object.assign(new Error('Orang Rahasia'), {
      code: 'Orang Rahasia',
      detail: 'Key (name)=(Orang Rahasia)',
      where: 'Orang'
    }),
    Object.assign(new Error('failed', { cause: new Error('Orang Rahasia') }), { body: 'Orang Rahasia' }),
    new AggregateError([new Error('Orang Rahasia')], 'Orang Rahasia'),
    // As pg-boss reports errors: no Error, but its fields.
    { ...new Error('Orang Rahasia'), message: 'Orang Rahasia', stack: new Error('Orang Rahasia').stack },
    'Orang Rahasia'
  ]
}

test('the text of a foreign error is not logged, however it is passed', () => {
  const ways: ((logger: ReturnType<typeof createLogger>, error: never) => void)[] = [
    (logger, error) => logger.error({ err: error }, 'failed'),
    (logger, error) => logger.error.call(logger, { err: error }),
    (logger, error) => logger.error.call(logger, error),
    (logger, error) => logger.error.call(logger, { err: error }, (error as Error).message),
    (logger, error) => logger.error({ cause: error }, 'failed'),
    (logger, error) => logger.error.call(logger, 'failed: %s', error),
    (logger, error) => logger.error({ err: new SecretUnreadable('kki', 'broken', { cause: error }) }, 'failed'),
    (logger, error) => logger.child({}, { serializers: {} }).error({ err: error }, 'failed')
  ]
  for (const error of planted()) {
    for (const [n, way] of ways.entries()) {
      // A text is no error: only as `err` it is known to be one.
      if (!(error instanceof Error) && ![0, 6, 7].includes(n)) continue
      const line = JSON.stringify(logged(logger => way(logger, error as never)))
      assert.doesNotMatch(line, /Orang|[Rr]ahasia|3171010101900001/, `way ${n}`)
    }
  }
})

test('a foreign error is logged with class, code and place, and our own error also with its text', () => {
  const { err } = logged(logger =>
    logger.error({ err: Object.assign(new RangeError('Orang Rahasia'), { code: 'ERR_X', syscall: 'read' }) }, 'failed')
  ) as { err: Record<string, unknown> }
  assert.deepEqual([err.type, err.code, err.syscall, err.message], ['RangeError', 'ERR_X', 'read', undefined])
  assert.match(String(err.stack), /^ {4}at .*logger\.test\.ts:\d+:\d+/)
  const ours = logged(logger => logger.error({ err: new SecretStoreUnavailable('a store', 'is away') }, 'failed'))
  assert.match(JSON.stringify(ours), /a store.*is away/)
})

test('a line has the ids of its work, and none outside of it', async () => {
  const ids = { trace_id: 'a'.repeat(32), run_id: 3, batch_id: 7, request_id: 'r-1' }
  const pick = ({ trace_id, run_id, batch_id, request_id }: Record<string, unknown>) => ({
    ...{ trace_id, run_id, batch_id, request_id }
  })
  const write = () => pick(logged(logger => logger.info('a test')))
  const none = { trace_id: undefined, run_id: undefined, batch_id: undefined, request_id: undefined }
  assert.deepEqual(write(), none)
  await inSpan('outer', { ids: { trace_id: ids.trace_id, request_id: 'r-1' } }, async () => {
    await inSpan('inner', { ids: { run_id: 3, batch_id: 7 } }, async () => {
      logged(logger => logger.info({ request_id: 'r-2' }, 'a test'))
      assert.deepEqual(write(), ids, 'what one line says of itself, the next does not')
      assert.deepEqual(apart(write), none)
    })
    assert.deepEqual(write(), { ...ids, run_id: undefined, batch_id: undefined })
  })
})

test('the linter rejects a message that is not constant, and a field in camelCase', async t => {
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-lint-'))
  t.after(() => rm(folder, { recursive: true }))
  const root = fileURLToPath(new URL('../../', import.meta.url))
  const plugins = [path.join(root, 'tools/lint/log-lines.grit')]
  await writeFile(path.join(folder, 'biome.json'), JSON.stringify({ root: true, plugins }))
  const wrong = [
    'logger.info(`a batch`)',
    "context.log.warn({ id }, 'batch ' + id)",
    'log.error({ id }, text)',
    'log.info({ id })',
    "log.info({ id, batchId: 1 }, 'a batch')",
    "log.info({ batchId }, 'a batch')"
  ]
  const right = [
    "log.warn({ batch_id: batchId, err: error, ...of(a) }, 'a batch')",
    "this.#logger.info({ id, at: `x` }, 'a batch')",
    "request.log.warn('a request')"
  ]
  await writeFile(path.join(folder, 'example.ts'), [...wrong, ...right].join('\n'))
  const biome = path.join(root, 'node_modules/.bin/biome')
  const { stderr } = spawnSync(biome, ['lint', '.'], { cwd: folder, encoding: 'utf8' })
  const lines = [...stderr.matchAll(/example\.ts:(\d+):\d+ plugin/g)].map(([, line]) => Number(line))
  assert.deepEqual(lines.sort(), [1, 2, 3, 4, 5, 6], stderr)
})

test('a line shows control characters escaped, and means the same', () => {
  const path = 'a\u009b2K\u202eb\u2028c\u001b[2K\n'
  const written: string[] = []
  createLogger('info', { write: line => void written.push(line) }).info({ path }, 'a test')
  const text = written.join('')
  assert.match(text, /^[\x20-\x7e]+\n$/)
  assert.equal(JSON.parse(text).path, path)
})
