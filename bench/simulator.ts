/**
 * Walks the simulated KKI like a full run, page after page, without processing the rows, and prints its speed: no run of the
 * sidecar on this machine can be faster. With `--like`, prints the cost of a row in the shape of each of these descriptions,
 * without a server.
 *
 *   node bench/simulator.ts [--rows 300000] [--page 500]
 *   node bench/simulator.ts --like contracts/sources/examples/*.json [--rows 100000] [--rounds 3]
 */
import path from 'node:path'
import { parseArgs } from 'node:util'
import { loadDescription, shippedDescription } from '../sidecar/source/load.ts'
import { defaultBrokenShare, defaultSeed, Population } from '../simulator/population.ts'
import { compileShape } from '../simulator/shape/shape.ts'
import { measureCeiling } from './ceiling.ts'
import { startKki } from './world.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: 'string' },
    page: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '3' },
    like: { type: 'string' }
  }
})
if (values.like === undefined) await walkOwn(Number(values.rows ?? 300_000))
else await render([shippedDescription, values.like, ...positionals], Number(values.rows ?? 100_000))

async function walkOwn(size: number): Promise<void> {
  const kki = await startKki(['--rows', String(size)])
  try {
    const { pages, rows, seconds } = await measureCeiling(kki, Number(values.page))
    const perSecond = (count: number) => Math.round(count / seconds).toLocaleString('en')
    console.log(
      `${pages.toLocaleString('en')} pages, ${rows.toLocaleString('en')} rows in ${seconds.toFixed(1)} s: ` +
        `${perSecond(pages)} pages/s, ${perSecond(rows)} rows/s`
    )
  } finally {
    await kki.stop()
  }
}

/** Renders every row in each shape, in turn. */
async function render(files: readonly string[], rows: number): Promise<void> {
  const own = await loadDescription(shippedDescription)
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const file of files) {
      const description = await loadDescription(file)
      const isGrouped = description.answer.registrations !== undefined
      const { write } = compileShape(description, own).records
      const population = new Population({ seed: defaultSeed, rows, brokenShare: defaultBrokenShare, write, isGrouped })
      const before = process.cpuUsage().user
      let listed = 0
      for (const { index } of population.walk(Number.NEGATIVE_INFINITY)) {
        population.recordOf(index)
        listed++
      }
      const perRow = (process.cpuUsage().user - before) / listed
      console.log(`round ${round}, ${path.basename(file)}: ${perRow.toFixed(1)} µs a row`)
    }
  }
}
