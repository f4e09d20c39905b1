/**
 * Makes run after run in one process, then closes it; prints the heap after every few runs, and the objects alive after
 * the close, as one JSON line. Started with --expose-gc.
 */
import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import { buildApp } from '../../sidecar/app.ts'
import { loadConfig } from '../../sidecar/config.ts'
import { injectPatiently } from '../helpers/patiently.ts'

const runs = Number(process.env.TEST_RUNS)
const key = String(process.env.TEST_API_KEY)
const runsBetweenLooks = 5
const runLimitMs = 300_000
const pollMs = 50
const closeLimitMs = 120_000
/** The report of a closed process to its parent. */
const ownPipes = /^(Pipe|TTY|FS)/

const app = await buildApp(loadConfig(process.env), { logger: pino({ level: 'silent' }) })
const headers = { authorization: `Bearer ${key}` }
const heapMb: number[] = []
for (let run = 1; run <= runs; run++) {
  const started = await startRun()
  assert.equal(started.statusCode, 202, started.body)
  await applied(started.json().id)
  if (run % runsBetweenLooks !== 0) continue
  globalThis.gc?.()
  heapMb.push(process.memoryUsage().heapUsed / 2 ** 20)
}
await app.close()
const resources = () => process.getActiveResourcesInfo().filter(name => !ownPipes.test(name) && name !== 'Timeout')
// Sockets close one turn of the loop after the order to close; the other side may be slow.
for (let waited = 0; waited < closeLimitMs && resources().length > 0; waited += pollMs) await wait(pollMs)
await wait(500)
const left = resources()
const timers = process.getActiveResourcesInfo().filter(name => name === 'Timeout').length
process.stdout.write(`${JSON.stringify({ heapMb, left, timers })}\n`)

async function startRun() {
  return injectPatiently(app, { method: 'POST', url: '/v1/runs', headers, payload: {} })
}

async function applied(id: number): Promise<void> {
  for (let waited = 0; waited < runLimitMs; waited += pollMs) {
    const response = await injectPatiently(app, { url: `/v1/runs/${id}`, headers })
    const { state } = response.json()
    if (state === 'applied') return
    assert.equal(state, 'running', response.body)
    await wait(pollMs)
  }
  assert.fail(`run ${id} did not end in time`)
}
