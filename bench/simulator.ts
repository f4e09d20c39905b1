/**
 * Walks the simulated KKI as a full run does, page after page, with nothing done with the rows, and prints how fast it
 * serves them: no run of the sidecar on this machine can be faster.
 *
 *   node bench/simulator.ts [--rows 300000] [--page 500]
 */
import { parseArgs } from 'node:util'
import { measureCeiling } from './ceiling.ts'
import { startKki } from './world.ts'

const { values } = parseArgs({
  options: { rows: { type: 'string', default: '300000' }, page: { type: 'string', default: '500' } }
})
const kki = await startKki(['--rows', values.rows])
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
