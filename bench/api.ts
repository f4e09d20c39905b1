/**
 * Measures the latency of the API on an idle service and while a full run loads `--rows` records (default 300,000), of which
 * a quarter are known. Reads are sent at `--rate` per second (50), in turn of their kinds, without waiting for earlier
 * answers; in addition, every second another request tries to start the run. Exit code 1 if the slowest hundredth of
 * the reads took over 50 ms in the run.
 */
import os from 'node:os'
import { createHistogram } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import { summarize } from '../sidecar/cli/summary.ts'
import { samplePeople } from './api/people.ts'
import { type Call, type Latency, measureAtRate } from './open-rate.ts'
import { openWorld } from './world.ts'

const limitMs = 50
const idleMs = 20_000
/** People who are known before the run and are looked up. */
const known = 'nurse'

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '300000' }, rate: { type: 'string', default: '50' } }
})
const rate = Number(values.rate)
await using world = await openWorld({ rows: Number(values.rows), env: { SDMK_RATE_LIMIT: '1000000' } })
const [sidecar] = world.sidecars
const { url } = sidecar
const { apiKey } = world
await world.followRun(await world.startRun({ mode: 'full', professions: [known] }))
const people = await samplePeople(world)

const search = (body: object): Call => ({ method: 'POST', path: '/v1/health-workers/search', body })
const get = (path: string): Call => ({ method: 'GET', path })
const reads = (runId: number) => ({
  'GET /v1/batches': () => get('/v1/batches'),
  'GET /v1/runs/{id}': () => get(`/v1/runs/${runId}`),
  'search by STR': () => search({ str: people.next().str }),
  'search by name': () => search({ name: people.next().name }),
  'GET /v1/health-workers/{id}': () => get(`/v1/health-workers/${people.next().id}`),
  'GET /v1/rejections': () => get('/v1/rejections'),
  'GET /readyz': () => get('/readyz')
})
const startAgain = { 'POST /v1/runs': (): Call => ({ method: 'POST', path: '/v1/runs', body: { mode: 'full' } }) }

const idle = await measureAtRate({ url, apiKey, rate, kinds: reads(1), signal: AbortSignal.timeout(idleMs) })
const loadBefore = os.loadavg()[0] ?? 0
const before = await sidecar.seconds()
const runId = await world.startRun({ mode: 'full' })
const finished = new AbortController()
const { signal } = finished
const measuring = Promise.all([
  measureAtRate({ url, apiKey, rate, kinds: reads(runId), signal }),
  measureAtRate({ url, apiKey, rate: 1, kinds: startAgain, signal })
])
const run = await world.followRun(runId).finally(() => finished.abort())
const [readsOfRun, starts] = await measuring

const after = await sidecar.seconds()
const { fetched, seconds } = summarize(run)
console.log(
  `idle service, ${rate} reads/s for ${idleMs / 1000} s; load of the machine before the run ${loadBefore.toFixed(1)}`
)
console.table(idle.map(describe))
console.log(`full run of ${fetched.toLocaleString('en')} rows in ${seconds} s, ${run.state}; ${rate} reads/s`)
console.table([...readsOfRun, ...starts].map(describe))
const running = (after.running - before.running).toFixed(1)
const waiting = (after.waiting - before.waiting).toFixed(1)
console.log(`the service's main thread ran for ${running} s and waited for a processor for ${waiting} s`)
const allReads = createHistogram()
for (const { histogram } of readsOfRun) allReads.add(histogram)
const slowest = allReads.percentile(99) / 1e6
console.log(`99 of 100 reads within ${slowest.toFixed(1)} ms while the run loads`)
if (run.state !== 'applied' || slowest > limitMs) process.exitCode = 1

function describe({ kind, histogram, statuses }: Latency) {
  const at = (percentile: number) => Number((histogram.percentile(percentile) / 1e6).toFixed(1))
  return {
    call: kind,
    calls: histogram.count,
    answers: Object.entries(statuses)
      .map(([status, count]) => `${status} × ${count}`)
      .join(', '),
    p50: at(50),
    p90: at(90),
    p99: at(99),
    max: at(100)
  }
}
