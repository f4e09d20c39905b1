import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createLogger } from '../../sidecar/platform/logger.ts'
import { apart, inSpan } from '../../sidecar/platform/tracing.ts'

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

test('texts of errors that are not ours lose the values that they quote', () => {
  let quoted: unknown
  try {
    JSON.parse('{"nama": "Orang Rekaan"} x')
  } catch (error) {
    quoted = error
  }
  for (const error of [
    quoted,
    new Error('invalid input syntax for type date: "Orang Rekaan"'),
    new Error('GET https://orang:rahasia@db.example/sdmk failed with Bearer eyJrahasia'),
    new Error('there is no 3171010101900001')
  ]) {
    const line = JSON.stringify(logged(logger => logger.error({ err: error }, 'failed')))
    assert.doesNotMatch(line, /Orang|orang|rahasia|3171010101900001/)
    assert.match(line, /JSON|date|db\.example|there is no/)
  }
})

test('a line carries the ids of the work that it is written in, and none outside of it', async () => {
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

test('the linter refuses a message that is not always the same words, and a field in camelCase', async t => {
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
