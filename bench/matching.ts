/**
 * Judges the matching by invented pairs of rows whose truth is known: no row may end on another person's record, and rows
 * of one person that carry their NIK must come together. Then switches one rule after the other off, to show that the
 * pairs would tell. Ends with 1 where a merge is wrong, where less than 99.5 % come together, or where a rule that is
 * off is not noticed.
 *
 *   node bench/matching.ts [--seed 1] [--pairs 1000] [--break rule1|rule4|rule5|rule7] [--json]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createDatabase } from '../sidecar/platform/database.ts'
import { startEmbeddedDatabase } from '../sidecar/platform/embedded-database.ts'
import { createLogger } from '../sidecar/platform/logger.ts'
import { migrate } from '../sidecar/platform/migrations.ts'
import { planBatch } from '../sidecar/registry/plan.ts'
import { type Guard, guardNames, type PlanBatch, withBroken } from './matching/broken.ts'
import { generate } from './matching/generate.ts'
import { judge, type Verdict } from './matching/judge.ts'
import { runFeeds } from './matching/run.ts'

const leastRecall = 0.995
const fewestPairs = 1000
const mappingFile = fileURLToPath(new URL('../contracts/kki-mapping.json', import.meta.url))
const logger = createLogger('error')

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    pairs: { type: 'string', default: String(fewestPairs) },
    break: { type: 'string' },
    json: { type: 'boolean', default: false }
  }
})
if (values.break !== undefined && !guardNames.includes(values.break as Guard)) {
  console.error(`--break must be one of ${guardNames.join(', ')}`)
  process.exit(2)
}
const labelled = generate(Number(values.seed), Number(values.pairs))
const directory = await mkdtemp(path.join(tmpdir(), 'sdmk-matching-'))
const embedded = await startEmbeddedDatabase({ directory, logger })
try {
  if (values.break === undefined) {
    const verdicts = await measure('matching', planBatch)
    const withNik = sum(verdicts, 'withNik')
    const recall = sum(verdicts, 'together') / withNik
    const wrong = sum(verdicts, 'wrong')
    report(
      'All rules',
      verdicts,
      `automatic recall of ${count(withNik)} true pairs with NIK: ${(recall * 100).toFixed(2)} %`
    )
    if (wrong > 0 || recall < leastRecall || Number(values.pairs) < fewestPairs) process.exitCode = 1
  }
  for (const guard of values.break === undefined ? guardNames : [values.break as Guard]) {
    const verdicts = await withBroken(guard, plan => measure(guard, plan))
    const wrong = sum(verdicts, 'wrong')
    report(`Without ${guard}`, verdicts, wrong > 0 ? `noticed: ${count(wrong)} wrong merges` : 'NOT NOTICED')
    if (wrong === 0) process.exitCode = 1
  }
} finally {
  await embedded.stop()
  await rm(directory, { recursive: true, force: true })
}

async function measure(name: string, plan: PlanBatch): Promise<Verdict[]> {
  const admin = createDatabase({ url: embedded.url, maxConnections: 1 }, logger)
  await admin.pool.query(`create database "${name}"`)
  await admin.pool.end()
  const url = new URL(embedded.url)
  url.pathname = `/${name}`
  await migrate({ databaseUrl: url.href, logger })
  const database = createDatabase({ url: url.href, maxConnections: 4 }, logger)
  try {
    const { results, identity } = await runFeeds(database, mappingFile, plan, labelled)
    return await judge(database, identity, labelled, results)
  } finally {
    await database.pool.end()
  }
}

function report(title: string, verdicts: Verdict[], conclusion: string): void {
  if (values.json) {
    console.log(JSON.stringify({ title, seed: Number(values.seed), verdicts, conclusion }))
    return
  }
  console.log(`\n${title.padEnd(42)}    pairs  automatic       desk      wrong      split`)
  for (const { name, pairs, automatic, desk, wrong, split } of verdicts) {
    console.log(
      `${name.padEnd(42)}${[pairs, automatic, desk, wrong, split].map(value => count(value).padStart(9)).join('  ')}`
    )
  }
  console.log(conclusion)
}

function sum(verdicts: Verdict[], key: Exclude<keyof Verdict, 'name'>): number {
  return verdicts.reduce((total, verdict) => total + verdict[key], 0)
}

function count(value: number): string {
  return value.toLocaleString('en')
}
