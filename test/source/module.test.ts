import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadModule } from '../../sidecar/source/module.ts'
import { callContext } from './helpers/client.ts'
import { startDescribed } from './helpers/described.ts'

/** Writes a module of an integrator and returns its file. */
async function moduleFile(t: TestContext, code: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sdmk-module-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'sign.ts')
  await writeFile(file, code)
  return file
}

const changes = {
  request: { path: '/list', query: { a: 'b' } },
  paging: { type: 'single_page' } as const,
  answer: { rows: '/data' }
}

async function clientWith(t: TestContext, code: string, secret: Record<string, string> = { kunci: 'rahasia' }) {
  const module = await loadModule(await moduleFile(t, code))
  const described = await startDescribed(t, changes, () => ({ body: { data: ['x'] } }), { module, retries: 2 })
  described.store.content.set('kki', secret)
  return described
}

test('a module signs each request with the secret, and opens its answer with that request', async t => {
  const { client, asked } = await clientWith(
    t,
    `let times = 0
    export async function signRequest(request, secret) {
      const url = new URL(request.url)
      url.searchParams.set('sign', secret.kunci.length)
      return { ...request, url: url.href, method: 'POST', body: '{}', headers: { ...request.headers, 'x-time': String(++times) } }
    }
    export function openAnswer(answer, request, secret) {
      return JSON.stringify({ data: [answer.status, request.headers['x-time'], secret.kunci] })
    }`
  )
  assert.deepEqual((await client.fetchPage({ limit: 1 }, callContext())).rows, [200, '1', 'rahasia'])
  assert.deepEqual((await client.fetchPage({ limit: 1 }, callContext())).rows, [200, '2', 'rahasia'])
  const [request] = asked
  assert.deepEqual([request?.method, request?.url.search, request?.body], ['POST', '?a=b&sign=7', '{}'])
  assert.equal(request?.headers['x-request-id'], 'req-1')
})

test('an error of a module names its file, function and line, repeats nothing of its text, and is not tried again', async t => {
  for (const [code, message] of [
    [
      'export function signRequest(request, secret) {\n  throw new TypeError(secret.kunci)\n}',
      'the module sign.ts failed in signRequest: TypeError in line 2'
    ],
    [
      'export async function openAnswer(answer) {\n\n  throw new Error(Buffer.from(answer.body).toString())\n}',
      'the module sign.ts failed in openAnswer: Error in line 3'
    ],
    ['export const openAnswer = () => 7', 'the module sign.ts failed in openAnswer: it must return bytes or a text'],
    [
      'export const signRequest = () => ({ method: "GET" })',
      'the module sign.ts failed in signRequest: it must return a request: method, url, headers and body'
    ],
    [
      'export const signRequest = request => ({ ...request, url: "https://example.org/" })',
      'the module sign.ts failed in signRequest: its url is on another origin'
    ],
    [
      'export const signRequest = () => { throw 7 }',
      'the module sign.ts failed in signRequest: it threw something other than an error'
    ]
  ] as const) {
    const { client, asked } = await clientWith(t, code)
    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'KKI_MODULE_FAILED', message })
    assert.ok(asked.length <= 1)
    assert.equal(client.breakerState, 0)
  }
})

test('an answer that a module opens to something other than JSON is invalid', async t => {
  const { client } = await clientWith(t, 'export const openAnswer = () => new Uint8Array([1, 2])')
  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_CONTRACT',
    message: /not valid JSON/
  })
})

test('an unusable module stops the start, and its place is named', async t => {
  for (const [code, message] of [
    ['export const other = 1', /\/module: must export signRequest or openAnswer/],
    ['throw new RangeError("rahasia")', /\/module: cannot be loaded \(RangeError in line 1\)/],
    ['export function (', /\/module: cannot be loaded \(SyntaxError/]
  ] as const) {
    await assert.rejects(loadModule(await moduleFile(t, code)), { code: 'SDMK_CONFIGURATION', message })
  }
  assert.equal(await loadModule(null), null)
})
