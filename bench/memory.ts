/**
 * Measures resident memory while many rows are processed. The exit code is 1 if it grows with the number of rows.
 *
 *   node bench/memory.ts [--rows 2000000]
 *     a full run through a service: at most 300 MB, and 80 MB above idle
 *   node bench/memory.ts --file xlsx|csv|jsonl [--rows 300000]
 *     a file through `sdmk sync --file`, with a quarter of the rows and with all, each twice
 */
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type RunSummary, summarize } from '../sidecar/cli/summary.ts'
import { type FileFormat, fileFormats, type PassedOver } from '../sidecar/import/read-rows.ts'
import { writeCouncilFile } from './council-file.ts'
import { endedChildrenSeconds } from './processor.ts'
import { runCommand } from './program.ts'
import { openWorld } from './world.ts'

const limitMb = 300
const aboveIdleMb = 80
/** How much more the whole file may take than a quarter of it. */
const growthMb = 40
const pollMs = 200
const idleMs = 5000

const { values } = parseArgs({ options: { rows: { type: 'string' }, file: { type: 'string' } } })
if (values.file === undefined) await measureRun(Number(values.rows ?? 2_000_000))
else if (fileFormats.some(format => format === values.file)) {
  await measureFile(values.file as FileFormat, Number(values.rows ?? 300_000))
} else throw new Error(`--file must be one of ${fileFormats.join(', ')}`)

async function measureRun(rows: number): Promise<void> {
  await using world = await openWorld({ rows })
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
}

async function measureFile(format: FileFormat, rows: number): Promise<void> {
  const quarter = await loadFile(format, Math.round(rows / 4))
  const whole = await loadFile(format, rows)
  if (whole > limitMb || whole > quarter + growthMb) process.exitCode = 1
}

/** Loads a file twice, the second time without an effect, and returns the larger of the peaks in MB. */
async function loadFile(format: FileFormat, rows: number): Promise<number> {
  // The command also plans and applies: no other process has the role.
  await using world = await openWorld({ rows, sidecars: [{ SDMK_ROLES: 'api' }] })
  const file = path.join(world.settings.SDMK_SECRETS_DIR as string, '..', `council.${format}`)
  const written = await writeCouncilFile(file, format, world.kki)
  const peaks: number[] = []
  for (const isAgain of [false, true]) {
    const started = performance.now()
    const args = ['sync', '--file', file, '--as-of', '2026-10-01', '--json']
    const before = await endedChildrenSeconds()
    const { output, peakMb } = await runCommand(args, world.settings)
    const processor = (await endedChildrenSeconds()) - before
    const seconds = (performance.now() - started) / 1000
    const summary = JSON.parse(output) as RunSummary & { passedOver: PassedOver }
    const { fetched, unchanged, rejected, passedOver, ...others } = summary
    if (fetched + passedOver.blank !== written || fetched < rows * 0.9) {
      throw new Error(`${fetched} rows of ${written} were read`)
    }
    const changed = others.created + others.linked + others.updated
    if (isAgain ? changed > 0 : changed === 0) throw new Error(`${changed} rows were applied`)
    peaks.push(peakMb)
    console.log(
      `${format}, ${fetched.toLocaleString('en')} rows${isAgain ? ' again' : ''}: ${seconds.toFixed(1)} s, ` +
        `${Math.round(fetched / seconds).toLocaleString('en')} rows/s, processor ${processor.toFixed(1)} s, ` +
        `peak ${peakMb} MB; ${unchanged} unchanged, ${rejected} rejected`
    )
  }
  return Math.max(...peaks)
}
