/**
 * Keeps a service busy: a full run of `--rows` records (500,000), then for `--minutes` (60) an incremental run each minute
 * of the changes of a simulated day, while 20 reads a second are sent. At the end another full run must find nothing new.
 * Exit code 1 if a read failed, a run was not applied, memory, tables or the queue grew, or the registry differs from KKI.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { summarize } from '../sidecar/cli/summary.ts'
import { samplePeople } from './api/people.ts'
import { type Call, measureAtRate } from './open-rate.ts'
import { openWorld } from './world.ts'

const minuteMs = 60_000
const daySeconds = 86_400
const changedShare = 0.002
const readsPerSecond = 20
/** Growth between the first and the last third of the time that counts as flat. */
const mostGrowth = 1.2

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, rows: { type: 'string', default: '500000' } }
})
const minutes = Number(values.minutes)
/** Each simulated day moves KKI's clock on; it starts behind, so that it does not pass the real one. */
const behindSeconds = (minutes + 10) * daySeconds

interface Sample {
  residentMb: number
  /** Of all tables with their indexes, in MB. */
  storedMb: number
  deadRows: number
  /** Jobs that are not done. */
  jobs: number
}

await using world = await openWorld({
  rows: Number(values.rows),
  simulatorArgs: ['--behind', String(behindSeconds)],
  env: { SDMK_RATE_LIMIT: '1000000', KKI_SETTLE: '0', KKI_CLOCK_TOLERANCE: String(behindSeconds + daySeconds) }
})
const [sidecar] = world.sidecars
const first = await world.followRun(await world.startRun({ mode: 'full' }))
console.log(`full run of ${summarize(first).fetched} rows in ${summarize(first).seconds} s, ${first.state}`)

const people = await samplePeople(world)
const kinds = {
  'search by name': (): Call => search({ name: people.next().name }),
  'search by STR': (): Call => search({ str: people.next().str }),
  'GET /v1/health-workers/{id}': (): Call => get(`/v1/health-workers/${people.next().id}`),
  'GET /v1/rejections': (): Call => get('/v1/rejections'),
  'GET /v1/runs': (): Call => get('/v1/runs'),
  'GET /readyz': (): Call => get('/readyz')
}
const finished = new AbortController()
const { url } = sidecar
const measuring = measureAtRate({
  url,
  apiKey: world.apiKey,
  rate: readsPerSecond,
  kinds,
  signal: finished.signal
})

const samples: Sample[] = []
const states: Record<string, number> = {}
for (const end = Date.now() + minutes * minuteMs; Date.now() < end; ) {
  const next = Date.now() + minuteMs
  await world.kki.control('/_days', { changedShare })
  const run = await world.followRun(await world.startRun({ mode: 'incremental' }))
  states[run.state] = (states[run.state] ?? 0) + 1
  samples.push(await sample())
  await wait(Math.max(0, Math.min(next, end) - Date.now()))
}
finished.abort()
const reads = await measuring
const last = summarize(await world.followRun(await world.startRun({ mode: 'full' })))

console.table(
  reads.map(({ kind, histogram, statuses }) => ({
    call: kind,
    answers: Object.entries(statuses)
      .map(([status, count]) => `${status} × ${count}`)
      .join(', '),
    p50: Number((histogram.percentile(50) / 1e6).toFixed(1)),
    p99: Number((histogram.percentile(99) / 1e6).toFixed(1))
  }))
)
console.table([samples[0], samples[Math.floor(samples.length / 2)], samples.at(-1)])
console.log(`incremental runs: ${JSON.stringify(states)}; last full run: ${JSON.stringify(last)}`)

const faults = [
  ...reads.flatMap(({ kind, statuses }) =>
    Object.keys(statuses).flatMap(status => (status === '200' ? [] : [`${kind}: ${status}`]))
  ),
  ...(['residentMb', 'storedMb', 'deadRows'] as const).filter(hasGrown).map(name => `${name} grew`),
  ...((samples.at(-1)?.jobs ?? 0) > 0 ? ['jobs are left'] : []),
  ...Object.keys(states).flatMap(state => (state === 'applied' ? [] : [`a run ended as ${state}`])),
  ...(last.created + last.linked + last.updated > 0 ? ['the registry differed from KKI'] : [])
]
for (const fault of faults) console.log(`FAILED: ${fault}`)
if (faults.length > 0) process.exitCode = 1

async function sample(): Promise<Sample> {
  const { rows } = await world.pool.query<Omit<Sample, 'residentMb'>>(
    `select round(sum(pg_total_relation_size(relid)) / 1048576)::int as "storedMb", sum(n_dead_tup)::int as "deadRows",
      (select count(*)::int from pgboss.job where state < 'completed' and name like 'kki-%') as jobs
    from pg_stat_user_tables`
  )
  return { ...(rows[0] as Omit<Sample, 'residentMb'>), residentMb: await sidecar.residentMb() }
}

/** Compares the most of the first third with the most of the last one; autovacuum works in between. */
function hasGrown(name: keyof Sample): boolean {
  const third = Math.ceil(samples.length / 3)
  const most = (part: readonly Sample[]) => Math.max(...part.map(item => item[name]))
  return samples.length >= 6 && most(samples.slice(-third)) > most(samples.slice(0, third)) * mostGrowth
}

function search(body: object): Call {
  return { method: 'POST', path: '/v1/health-workers/search', body }
}

function get(path: string): Call {
  return { method: 'GET', path }
}
