import { hash } from 'node:crypto'
import { appendFile, cp, mkdir, writeFile } from 'node:fs/promises'
import { availableParallelism, totalmem } from 'node:os'
import path from 'node:path'
import { difference, type Snapshot } from './compare.ts'
import { faultNames, type Pair, pairs } from './faults.ts'
import { createLane, type Lane } from './lane.ts'
import { render, type Summary, summarize } from './report.ts'
import { makeRun, type Result } from './run.ts'
import { type SabotageName, sabotage, sabotageNames, whole } from './sabotage.ts'
import { stepNames } from './steps.ts'
import { createWorld } from './world.ts'

export interface Arguments {
  runs?: string
  rows: string
  seed: string
  lanes: string
  only?: string[]
  short: boolean
  sabotage?: string
  calm?: string
  keep: boolean
  out?: string
}

/** The hardest of the matrix, for every test run. */
const shortPairs: Pair[] = [
  { step: 'apply-before', fault: 'postgres-crash' },
  { step: 'stage-begin', fault: 'sigstop' },
  { step: 'apply-after', fault: 'sigkill' },
  { step: 'token', fault: 'kki-lost' },
  { step: 'project-after', fault: 'odoo-lost' }
]

const limitMs = 120_000
/** What is broken on purpose need not be waited for as long. */
const sabotagedLimitMs = 45_000
/** How often a run is repeated whose fault missed its step. */
const maxMisses = 3

/** Makes the runs that the arguments ask for, and tells what they found. Resolves to whether all is as it should be. */
export async function chaos(args: Arguments, signal: AbortSignal): Promise<boolean> {
  const seed = Number(args.seed)
  const chosen = args.short ? shortPairs : choose(args.only ?? [])
  const name = args.sabotage as SabotageName | undefined
  if (name !== undefined && !sabotageNames.includes(name))
    throw new Error(`--sabotage: one of ${sabotageNames.join(', ')}`)
  const subject = name === undefined ? { ...whole, pairs: chosen } : await sabotage(name)
  const planned = plan(name !== undefined && !args.only ? subject.pairs : chosen, Number(args.runs ?? 0), seed)
  const out = args.out ?? path.join('.data', `chaos-${new Date().toISOString().replace(/[:.]/g, '-')}.jsonl`)
  await mkdir(path.dirname(out), { recursive: true })
  const tell = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)
  const world = await createWorld(subject.moreAddons).catch(async error => {
    await subject.close()
    throw error
  })
  const lanes: Lane[] = []
  try {
    tell('Odoo is installed')
    const feed = { rows: Number(args.rows), seed }
    const count = Math.min(Number(args.lanes), Math.max(1, planned.length))
    for (let index = 0; index < count; index++) lanes.push(await createLane(world, index, feed, subject.sdmk))
    const results: Result[] = []
    let shared: Snapshot | null = null
    let serial = 0
    const one = async (lane: Lane, pair: Pair | null, runSeed: number, expected: Snapshot | null) => {
      const label = `run-${++serial}`
      const limit = name === undefined ? limitMs : sabotagedLimitMs
      const made = await makeRun({ lane, name: label, seed: runSeed, pair, expected, limitMs: limit, signal })
      await appendFile(out, `${JSON.stringify({ run: label, ...made.result })}\n`)
      tell(`${label} ${describe(made.result)}`)
      if (isBad(made.result) && name === undefined) await keepLogs(world.folder, out)
      return made
    }
    // What all others are compared with is made once; each further undisturbed run must equal it.
    const undisturbed = await one(lanes[0] as Lane, null, seed, null)
    shared = undisturbed.snapshot
    for (let i = 1; i < Number(args.calm ?? 1); i++) {
      const again = await one(lanes[0] as Lane, null, seed + i, shared)
      results.push(again.result)
      for (const example of difference(shared, again.snapshot).examples) tell(`  ${example}`)
    }
    const remaining = planned.values()
    const work = async (lane: Lane) => {
      for (const { pair, seed: runSeed } of remaining) {
        for (let miss = 0; miss <= maxMisses; miss++) {
          const attempt = await one(lane, pair, runSeed + miss * 100_000, shared).catch(error => {
            if (signal.aborted) return null
            tell(`${pair.step} × ${pair.fault}: the harness failed: ${error instanceof Error ? error.stack : error}`)
            return null
          })
          // What was measured until then is told all the same.
          if (signal.aborted) return
          if (attempt === null) continue
          results.push(attempt.result)
          if (attempt.result.counted) break
        }
      }
    }
    await Promise.all(lanes.map(work))
    const summary = summarize(results)
    console.log(render(summary))
    console.log(`Raw results: ${out}`)
    const isMissing = summary.counted < planned.length
    if (isMissing) console.log(`${planned.length - summary.counted} of ${planned.length} faults never hit their step`)
    if (name !== undefined) {
      const isNoticed = summary.lostRuns + summary.duplicatedRuns > 0
      console.log(isNoticed ? `${name} switched off: noticed` : `${name} switched off: NOT noticed`)
      return isNoticed
    }
    if (!args.short && args.runs !== undefined && !args.only && !signal.aborted) await writeReport(summary, args, lanes)
    return summary.lostRuns === 0 && summary.duplicatedRuns === 0 && !isMissing && isCalmEqual(undisturbed.result)
  } finally {
    for (const lane of lanes.reverse()) await lane.close()
    await world.close()
    await subject.close()
  }
}

/** The undisturbed run, of which Odoo and the audit must be whole as well. */
function isCalmEqual({ lost, duplicated, finished }: Result): boolean {
  return finished && lost === 0 && duplicated === 0
}

function isBad({ lost, duplicated }: Result): boolean {
  return lost > 0 || duplicated > 0
}

/** The pairs whose step and fault are named; all where none is. `step`, `fault` or `step/fault`. */
function choose(only: readonly string[]): Pair[] {
  if (only.length === 0) return pairs
  const chosen = pairs.filter(({ step, fault }) => only.some(word => [step, fault, `${step}/${fault}`].includes(word)))
  if (chosen.length > 0) return chosen
  throw new Error(`--only: a step (${stepNames.join(', ')}), a fault (${faultNames.join(', ')}), or step/fault`)
}

/** Every pair in turn, each time with another seed; as many as asked for, or each once. */
function plan(chosen: readonly Pair[], runs: number, seed: number): { pair: Pair; seed: number }[] {
  // In an order of chance, so that a matrix that is broken off has seen something of everything.
  const shuffled = chosen
    .map((pair, index) => ({ pair, key: hash('sha256', `${seed} ${index}`) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  return Array.from({ length: runs || chosen.length }, (_, index) => ({
    pair: shuffled[index % chosen.length]?.pair as Pair,
    seed: seed * 1000 + index
  }))
}

function describe(result: Result): string {
  const { step, fault, counted, why, seconds, resumeSeconds, lost, duplicated, mostBatchesAtOnce, examples } = result
  const what = step === undefined ? 'undisturbed' : `${step} × ${fault}${counted ? '' : ` MISSED (${why})`}`
  const outcome =
    lost + duplicated === 0 ? 'equal' : `LOST ${lost} DUPLICATED ${duplicated}\n  ${examples.join('\n  ')}`
  return `${what}: ${outcome}, ${seconds} s, resumed after ${resumeSeconds ?? '-'} s, ${mostBatchesAtOnce} batches at once`
}

/** The log of what went wrong is worth more than the room that it takes. */
async function keepLogs(folder: string, out: string): Promise<void> {
  await cp(folder, `${out}.logs`, {
    recursive: true,
    filter: file => file === folder || /lane-\d+$|\.log$/.test(file)
  }).catch(() => undefined)
}

async function writeReport(summary: Summary, args: Arguments, lanes: readonly Lane[]): Promise<void> {
  const command = `npm run chaos -- --runs ${args.runs} --seed ${args.seed} --lanes ${args.lanes} --rows ${args.rows}`
  const machine = `${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform}, Node ${process.version}`
  const whyNoDisk = lanes.map(lane => lane.store.whyNoDisk).find(why => why !== null) ?? null
  const { page } = await import('./report.ts')
  await writeFile('docs/chaos.md', page(summary, { command, machine, whyNoDisk }))
}
