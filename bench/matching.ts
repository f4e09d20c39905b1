/**
 * Evaluates the matching with invented cases whose true persons are known. Prints the results of each class, then the totals
 * against the targets. Then switches off one rule after the other, to show that the cases detect it. Exit code 1 if a target
 * is missed, or if a missing rule is not noticed.
 *
 *   node bench/matching.ts [--seed 1] [--cases 1000] [--class NAME]... [--examples 3] [--json FILE] [--break RULE | --no-break | --orders]
 *
 * `--class` takes a part of a name or the name of a group, and may be repeated. `--examples` prints that many cases of each
 * class and failure, row by row. `--no-break` skips the runs without a rule. `--orders` instead sends the same rows in each
 * order, in a separate database each, and prints which cases end differently.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createDatabase } from '../sidecar/platform/database.ts'
import { startEmbeddedDatabase } from '../sidecar/platform/embedded-database.ts'
import { createLogger } from '../sidecar/platform/logger.ts'
import { migrate } from '../sidecar/platform/migrations.ts'
import { isLostRace } from '../sidecar/registry/apply.ts'
import { planBatch } from '../sidecar/registry/plan.ts'
import { type Guard, guardNames, type PlanBatch, withBroken } from './matching/broken.ts'
import { classes } from './matching/classes.ts'
import { type Evaluation, evaluate, type RowResult } from './matching/evaluate.ts'
import { generate, type Labelled, orders } from './matching/generate.ts'
import { printClasses, printExamples, printOrders, printTargets } from './matching/report.ts'
import { runFeeds } from './matching/run.ts'
import { isWithin, sum, targets } from './matching/targets.ts'

const mappingFile = fileURLToPath(new URL('../contracts/sources/kki.json', import.meta.url))
/** A missing rule shows in few cases of the classes with two people. */
const casesOfEachRule = 100
const logger = createLogger('error')

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    cases: { type: 'string', default: '1000' },
    class: { type: 'string', multiple: true },
    examples: { type: 'string', default: '0' },
    json: { type: 'string' },
    break: { type: 'string' },
    'no-break': { type: 'boolean', default: false },
    orders: { type: 'boolean', default: false }
  }
})
if (values.break !== undefined && !guardNames.includes(values.break as Guard)) {
  console.error(`--break must be one of ${guardNames.join(', ')}`)
  process.exit(64)
}
const cases = Number(values.cases)
const chosen = classes.filter(
  ({ name, group }) => !values.class || values.class.some(part => group === part || name.includes(part))
)
if (chosen.length === 0 || !Number.isInteger(cases) || cases < 1) {
  console.error('--class must name a class or a group, and --cases a number of cases')
  process.exit(64)
}
const labelled = generate(Number(values.seed), cases, chosen)
const directory = await mkdtemp(path.join(tmpdir(), 'sdmk-matching-'))
const embedded = await startEmbeddedDatabase({ directory, logger })
try {
  if (values.orders) {
    const evaluations: Evaluation[] = []
    for (const order of orders) {
      const { evaluation } = await measure(order.name, planBatch, generate(Number(values.seed), cases, chosen, order))
      evaluations.push(evaluation)
    }
    printOrders(labelled, evaluations)
  } else if (values.break === undefined) {
    const { evaluation, results, seconds } = await measure('matching', planBatch, labelled)
    const { verdicts } = evaluation
    console.log(`${results.length.toLocaleString('en')} rows in ${seconds.toFixed(0)} s, seed ${values.seed}`)
    printClasses(verdicts)
    printTargets(verdicts, cases)
    printExamples(labelled, evaluation, results, Number(values.examples))
    if (values.json) {
      await writeFile(values.json, JSON.stringify({ seed: Number(values.seed), cases, seconds, verdicts }))
    }
    if (targets.some(target => !isWithin(target, target.least, target.count(verdicts), cases))) process.exitCode = 1
  }
  if (!values['no-break'] && !values.orders) {
    await measureWithout(values.break === undefined ? guardNames : [values.break as Guard])
  }
} finally {
  await embedded.stop()
  await rm(directory, { recursive: true, force: true })
}

/** Switches each of the rules off, and compares the wrong merges with those of all rules. */
async function measureWithout(guards: readonly Guard[]): Promise<void> {
  const hasTwo = chosen.filter(({ group }) => group === 'people' || group === 'earlier')
  if (hasTwo.length === 0) return
  const fewer = generate(Number(values.seed), Math.min(cases, casesOfEachRule), hasTwo)
  const wrongBy = async (name: string, plan: PlanBatch) =>
    sum((await measure(name, plan, fewer)).evaluation.verdicts, 'wrong')
  const withAll = await wrongBy('all rules', planBatch)
  console.log(`\nWrong merges among ${fewer.cases.length.toLocaleString('en')} cases with all rules: ${withAll}`)
  for (const guard of guards) {
    // The constraints of the registry may detect it first.
    const wrong = await withBroken(guard, plan => wrongBy(guard, plan)).catch(error => {
      if (!isLostRace(error)) throw error
      return undefined
    })
    const isNoticed = wrong === undefined || wrong > withAll
    console.log(`Without ${guard}: ${wrong ?? 'a plan that cannot be applied'}${isNoticed ? '' : ', NOT NOTICED'}`)
    if (!isNoticed) process.exitCode = 1
  }
}

async function measure(
  name: string,
  plan: PlanBatch,
  labelled: Labelled
): Promise<{ evaluation: Evaluation; results: RowResult[]; seconds: number }> {
  const admin = createDatabase({ url: embedded.url, maxConnections: 1 }, logger)
  await admin.pool.query(`create database "${name}"`)
  await admin.pool.end()
  const url = new URL(embedded.url)
  url.pathname = `/${name}`
  await migrate({ databaseUrl: url.href, logger })
  const database = createDatabase({ url: url.href, maxConnections: 4 }, logger)
  try {
    const start = performance.now()
    const { results, identity } = await runFeeds(database, mappingFile, plan, labelled)
    const seconds = (performance.now() - start) / 1000
    return { evaluation: await evaluate(database, identity, labelled, results), results, seconds }
  } finally {
    await database.pool.end()
  }
}
