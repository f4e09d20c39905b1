/**
 * Streams a full run of `--rows` records (2,000,000 unless told otherwise) through a sidecar process and prints its
 * resident memory: idle, peak, and the difference. Ends with 1 where the peak is over 240 MB or over idle + 80 MB.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { summarize } from '../sidecar/cli/summary.ts'
import { openWorld } from './world.ts'

const limitMb = 240
const aboveIdleMb = 80
const pollMs = 200
const idleMs = 5000

const { values } = parseArgs({ options: { rows: { type: 'string', default: '2000000' } } })
await using world = await openWorld({ rows: Number(values.rows) })
const [sidecar] = world.sidecars

await wait(idleMs)
const idle = await sidecar.residentMb()
let peak = idle
const watch = setInterval(async () => {
  peak = Math.max(peak, await sidecar.residentMb())
}, pollMs)
const run = await world.followRun(await world.startRun({ mode: 'full' })).finally(() => clearInterval(watch))
const { rows: phases } = await world.pool.query(
  `select round(sum(extract(epoch from fetched_at - fetch_started_at)), 1) as fetch,
    round(sum(extract(epoch from planned_at - fetched_at)), 1) as "wait and plan",
    round(sum(extract(epoch from finished_at - planned_at)), 1) as apply from kki.batch`
)
console.log('seconds of all batches together:', phases[0])

const summary = summarize(run)
const rate = Math.round(summary.fetched / summary.seconds)
console.log(
  `${summary.fetched.toLocaleString('en')} rows in ${summary.seconds} s, ${rate.toLocaleString('en')} rows/s, ${run.state}`
)
console.log(`resident memory: idle ${idle} MB, peak ${peak} MB, above idle ${peak - idle} MB`)
if (run.state !== 'applied' || peak > limitMb || peak > idle + aboveIdleMb) process.exitCode = 1
