import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import path from 'node:path'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'
import { fileURLToPath } from 'node:url'
import { globalSetup, globalTeardown } from './helpers/global-setup.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const isCi = process.env.CI === 'true'

interface Tally {
  passed: number
  failed: number
  /** Name and reason of each. */
  skipped: string[]
}

/** Cheapest first; each counts as one test. */
const checks = [
  { name: 'code style (biome)', command: bin('biome'), args: ['check', '--colors=off', '.'] },
  { name: 'types (tsc)', command: bin('tsc'), args: ['--noEmit'] },
  { name: 'generated files', command: process.execPath, args: ['tools/docs/generate.ts', '--check'] }
]

/** Tests of whole processes, Odoo and Prometheus among them, look at time and memory: they come last, and fewer at once. */
const isOf = (file: string, ...folders: string[]) => file.split(path.sep).some(part => folders.includes(part))
const isEndToEnd = (file: string) => isOf(file, 'e2e', 'observability', 'odoo')
/** Clusters and measured faults depend on time: they have the machine for themselves. */
const isAlone = (file: string) => isOf(file, 'chaos', 'ha')
const files = globSync('test/**/*.test.ts', { cwd: root })
  .sort()
  .map(file => path.join(root, file))
// Each timeout bounds one test against hanging, not a file. They are long, since the machine may be busy with other work.
const stages = [
  { files: files.filter(file => !isEndToEnd(file) && !isAlone(file)), concurrency: 4, timeout: 900_000 },
  { files: files.filter(isEndToEnd), concurrency: 2, timeout: 1_800_000 },
  { files: files.filter(isAlone), concurrency: 1, timeout: 2_700_000 }
]

const tally: Tally = { passed: 0, failed: 0, skipped: [] }
const seconds = new Map<string, number>()
// The machine's settings do not affect the tests.
for (const name of Object.keys(process.env)) if (/^(SDMK|KKI|OTEL)_/.test(name)) delete process.env[name]
for (const check of checks) runCheck(check)
await runTests()
const slowest = [...seconds].sort(([, one], [, other]) => other - one).slice(0, 25)
console.log(`slowest files, s: ${slowest.map(([file, s]) => `${file} ${s.toFixed(0)}`).join(', ')}`)
for (const line of tally.skipped) console.log(`skipped: ${line}`)
if (isCi && tally.skipped.length > 0) console.log('With CI=true nothing may be skipped.')
console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped.length} skipped`)
process.exitCode = tally.failed > 0 || (isCi && tally.skipped.length > 0) ? 1 : 0

function runCheck({ name, command, args }: (typeof checks)[number]) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: root, encoding: 'utf8' })
  const isGood = status === 0
  console.log(`${isGood ? '✔' : '✖'} ${name}`)
  if (!isGood) console.log([stdout, stderr, error?.message].filter(Boolean).join('\n'))
  tally[isGood ? 'passed' : 'failed']++
}

async function runTests() {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      await globalTeardown()
      process.exit(1)
    })
  }
  try {
    await globalSetup()
    for (const stage of stages) if (stage.files.length > 0) await runStage(stage)
  } catch (error) {
    console.log('✖ the tests could not be run to their end')
    console.log(error)
    tally.failed++
  } finally {
    await globalTeardown()
  }
}

async function runStage(stage: (typeof stages)[number]) {
  const stream = run({ ...stage, cwd: root })
  let isSummed = false
  stream.on('test:pass', ({ name, skip, details }) => {
    if (skip !== undefined && details.type !== 'suite') {
      tally.skipped.push(typeof skip === 'string' ? `${name}: ${skip}` : name)
    }
  })
  stream.on('test:summary', ({ file, counts, success, duration_ms }) => {
    // One for each file, and the last for all of them.
    if (file !== undefined) {
      seconds.set(path.relative(root, file), duration_ms / 1000)
      return
    }
    isSummed = true
    tally.passed += counts.passed
    const failed = counts.tests - counts.passed - counts.skipped - counts.todo
    // A suite whose hook fails is no failed test, but no success either.
    tally.failed += Math.max(failed, success ? 0 : 1)
  })
  for await (const text of stream.compose(spec)) process.stdout.write(text)
  if (!isSummed) tally.failed++
}

function bin(name: string): string {
  return path.join(root, 'node_modules', '.bin', name)
}
