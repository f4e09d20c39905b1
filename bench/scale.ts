/**
 * Loads registries of growing size and then runs days on which a thousand records change. Shows time and memory per row, and
 * whether they grow with the registry.
 *
 *   node bench/scale.ts [--sizes 250000,500000,1000000,2000000] [--days 5] [--shared-buffers 1GB] [--json]
 */
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Measured, measureRun } from './load/measured.ts'
import { median } from './load/render.ts'
import { openWorld } from './world.ts'

const changedRows = 1000
const idleMs = 5000
/**
 * KKI's clock advances by this before each day, so that no run reads the rows of the previous day again. It starts so far
 * behind that it never passes ours.
 */
const pauseSeconds = 86_400
const daySeconds = 86_400

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '250000,500000,1000000,2000000' },
    days: { type: 'string', default: '5' },
    'shared-buffers': { type: 'string', default: '1GB' },
    json: { type: 'boolean', default: false }
  }
})
const behindSeconds = Number(values.days) * (pauseSeconds + daySeconds)
const sizes = values.sizes.split(',').map(Number)
const results: { rows: number; idleMb: number; load: Measured; days: Measured[] }[] = []
for (const rows of sizes) {
  console.error(`${rows.toLocaleString('en')} rows`)
  results.push(await measureSize(rows))
}
if (values.json) console.log(JSON.stringify(results))
else console.log(render())

async function measureSize(rows: number) {
  await using world = await openWorld({
    rows,
    sharedBuffers: values['shared-buffers'],
    simulatorArgs: ['--behind', String(behindSeconds)],
    env: { KKI_CLOCK_TOLERANCE: String(behindSeconds + daySeconds) }
  })
  await wait(idleMs)
  const idleMb = await world.sidecars[0].residentMb()
  const load = await measureRun(world, 'full')
  // The first day reads the changes within the overlap again, so it is not measured.
  await measureRun(world, 'incremental')
  const days: Measured[] = []
  for (let day = 0; day < Number(values.days); day++) {
    await world.kki.control('/_clock', { advanceSeconds: pauseSeconds })
    await world.kki.control('/_days', { changedShare: changedRows / rows })
    days.push(await measureRun(world, 'incremental'))
  }
  return { rows, idleMb, load, days }
}

function render(): string {
  const lines = [
    `| records | first load, s | µs per row | against ${number(sizes[0] ?? 0)} | peak memory, MB (above idle) | a day: rows seen | trigger to applied, s |`,
    '| ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
  ]
  const first = results[0]
  for (const { rows, idleMb, load, days } of results) {
    const cost = load.seconds / load.rows
    const growth = first ? cost / (first.load.seconds / first.load.rows) : Number.NaN
    const peak = Math.max(load.peakMb, ...days.map(({ peakMb }) => peakMb))
    const cells = [
      number(rows),
      load.seconds.toFixed(0),
      (cost * 1e6).toFixed(0),
      growth.toFixed(2),
      `${peak} (${peak - idleMb})`,
      number(median(days.map(day => day.rows))),
      `${median(days.map(day => day.seconds)).toFixed(2)} (worst ${Math.max(...days.map(day => day.seconds)).toFixed(2)})`
    ]
    lines.push(`| ${cells.join(' | ')} |`)
  }
  return lines.join('\n')
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en')
}
