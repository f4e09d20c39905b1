import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { installPython } from '../helpers/python.ts'
import { startConnector, temporaryFolder } from './helpers.ts'

const run = promisify(execFile)
const fuzzer = 'schemathesis==4.32.5'

/** Returns the folder that the fuzzer is in, or why it cannot be had. In CI it must be had. */
async function findFuzzer(): Promise<{ folder: string; skip: false } | { folder: null; skip: string }> {
  try {
    return { folder: await installPython('schemathesis', [fuzzer]), skip: false }
  } catch (error) {
    if (process.env.CI === 'true') throw error
    const { stderr, message } = error as { stderr?: string; message: string }
    return { folder: null, skip: `no ${fuzzer}: ${(stderr || message).trim().split('\n').at(-1)}` }
  }
}

const { folder, skip } = await findFuzzer()

/** Ids are counted up from 1 in every table, so half of the time a generated one is given to something that exists. */
const settings = `
seed = 20260101
workers = 1
continue-on-failure = true
[dictionaries.ids]
values = [${Array.from({ length: 12 }, (_, index) => index + 1)}]
[parameters]
"path.id" = { dictionary = "ids", probability = 0.5 }
[phases.stateful]
enabled = false
`
/** What holds of every answer: documented with this status, type, shape and headers, and no failure inside. */
const conforms = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance'
]

/** A listening sidecar with applied and held batches, rejected rows and people. */
async function startFilled(t: TestContext) {
  const connector = await startConnector(t, {
    rows: 80,
    brokenShare: 0.3,
    env: { SDMK_RATE_LIMIT: '1000000' }
  })
  await connector.run({ mode: 'full', professions: ['doctor'] })
  await connector.run({ mode: 'incremental' })
  await connector.run({ mode: 'full', professions: ['nurse'], apply: 'hold' })
  await connector.app.listen({ host: '127.0.0.1', port: 0 })
  const directory = await temporaryFolder(t)
  const document = path.join(directory, 'openapi.json')
  await writeFile(document, JSON.stringify(connector.app.swagger()))
  await writeFile(path.join(directory, 'schemathesis.toml'), settings)
  const url = `http://127.0.0.1:${(connector.app.server.address() as AddressInfo).port}`
  const fuzz = async (checks: string[], options: string[]) => {
    // Few generated texts fit the pattern of a reason: it generates until enough do.
    const patient = ['--no-shrink', '--suppress-health-check', 'filter_too_much']
    const args = ['-m', 'schemathesis.cli', 'run', document, '-u', url, ...patient, '-c', checks.join(), ...options]
    const env = { ...process.env, PYTHONPATH: folder as string, PYTHONDONTWRITEBYTECODE: '1' }
    await run('python3', args, { cwd: directory, env, maxBuffer: 2 ** 28 }).catch(error =>
      assert.fail(`${error.stdout}${error.stderr}`.slice(-50_000))
    )
  }
  return { ...connector, fuzz }
}

const timeout = 900_000

test('every answer is documented, and requests that violate the document are denied', {
  skip,
  timeout
}, async t => {
  const { fuzz, pool, call } = await startFilled(t)
  const { key } = await createApiKey(pool, 'fuzzer', [...scopes])
  await fuzz([...conforms, 'negative_data_rejection'], ['-n', '8', '-H', `Authorization: Bearer ${key}`])
  assert.equal((await call('GET', '/v1/runs')).status, 200)
})

test('without a key, and with a wrong one, every answer is documented too', { skip, timeout }, async t => {
  const { fuzz, call } = await startFilled(t)
  const options = ['-n', '1', '--phases', 'fuzzing', '--warnings', 'off']
  await fuzz(conforms, options)
  await fuzz(conforms, [...options, '-H', `Authorization: Bearer sdmk_${'A'.repeat(43)}`])
  await fuzz(conforms, [...options, '-H', 'Authorization: Basic c2RtazpzZG1r'])
  assert.equal((await call('GET', '/v1/runs')).status, 200)
})
