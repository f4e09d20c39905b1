import { parseArgs } from 'node:util'
import { chaos } from './matrix.ts'
import { writeReport } from './output.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string' },
    rows: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
    short: { type: 'boolean', default: false },
    cluster: { type: 'boolean', default: false },
    clocks: { type: 'boolean', default: false },
    sabotage: { type: 'string' },
    calm: { type: 'string' },
    out: { type: 'string' },
    report: { type: 'string', multiple: true }
  }
})
const stop = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)))
}
try {
  const isGood =
    values.report === undefined ? await chaos(values, stop.signal) : await writeReport(values.report).then(() => true)
  process.exitCode = isGood ? 0 : 1
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
// Sockets of interrupted connections may still be open.
process.exit()
