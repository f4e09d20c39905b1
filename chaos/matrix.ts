import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Snapshot } from './compare.ts'
import { createLane, type Lane } from './lane.ts'
import { keepLogs, originOf, writeReport } from './output.ts'
import {
  type Arguments,
  choose,
  inTurn,
  limits,
  settingOfArguments,
  shortPairs,
  shortSabotages,
  type Task
} from './plan.ts'
import { render, summarize } from './report.ts'
import { makeRun, type Result } from './run.ts'
import { type Sabotaged, sabotage, sabotageOf, whole } from './sabotage.ts'
import { createWorld } from './world.ts'

/** How often a run is repeated if its fault missed the step. */
const maxMisses = 3

/** Makes the requested runs and prints their results. Resolves to whether all results are as expected. */
export async function chaos(args: Arguments, signal: AbortSignal): Promise<boolean> {
  const seed = Number(args.seed)
  const setting = settingOfArguments(args)
  const out = args.out ?? path.join('.data', `chaos-${new Date().toISOString().replace(/[:.]/g, '-')}.jsonl`)
  await mkdir(path.dirname(out), { recursive: true })
  const broken: Sabotaged[] = []
  const closers: (() => Promise<void>)[] = []
  try {
    for (const name of args.short ? shortSabotages : args.sabotage === undefined ? [] : [sabotageOf(args.sabotage)]) {
      const made = await sabotage(name)
      closers.push(made.close)
      broken.push(made)
    }
    const ofBroken = broken.flatMap(({ name, sdmk, pairs }) => inTurn(pairs, 0, seed, { sabotage: name, sdmk }))
    const chosen = args.short ? shortPairs : choose(args.only ?? [], setting)
    const tasks =
      args.sabotage === undefined
        ? [...inTurn(chosen, Number(args.runs ?? 0), seed, { sabotage: null, sdmk: whole }), ...ofBroken]
        : ofBroken
    const world = await createWorld(broken.flatMap(({ moreAddons }) => moreAddons))
    closers.push(world.close)
    tell('Odoo is installed')
    const lanes: Lane[] = []
    closers.push(async () => void (await Promise.all(lanes.map(lane => lane.close()))))
    for (let index = 0; index < Math.min(Number(args.lanes), tasks.length); index++) {
      lanes.push(await createLane(world, index, { feed: { rows: Number(args.rows), seed }, setting }))
    }
    await writeFile(out, `${JSON.stringify(originOf(args, lanes))}\n`)
    const log = async (label: string, result: Result) => {
      await appendFile(out, `${JSON.stringify({ run: label, ...result })}\n`)
      tell(`${label} ${describe(result)}`)
      if (isBad(result)) await keepLogs(world.folder, `${out}.logs`)
    }
    const whyNoDisk = lanes.map(lane => lane.store.whyNoDisk).find(why => why !== null)
    if (whyNoDisk && setting === 'server') tell(`disk-full is skipped: ${whyNoDisk}`)
    const possible = tasks.filter(({ pair }) => !whyNoDisk || pair?.fault !== 'disk-full')
    const results = await makeRuns({ lanes, tasks: possible, seed, calm: Number(args.calm ?? 1), log, signal })
    console.log(`Raw results: ${out}`)
    const isGood = evaluate(results, possible)
    if (!args.short && args.runs && !args.only && args.sabotage === undefined && !signal.aborted) {
      await writeReport([out])
    }
    return isGood && !signal.aborted
  } finally {
    for (const close of closers.reverse()) await close()
  }
}

interface Campaign {
  lanes: readonly Lane[]
  tasks: readonly Task[]
  seed: number
  /** Undisturbed runs; each must equal the first. */
  calm: number
  log: (label: string, result: Result) => Promise<void>
  signal: AbortSignal
}

async function makeRuns({ lanes, tasks, seed, calm, log, signal }: Campaign): Promise<Result[]> {
  const results: Result[] = []
  let serial = 0
  const one = async (lane: Lane, task: Task, expected: Snapshot | null) => {
    const label = `run-${++serial}`
    const limitMs = task.sabotage === null ? limits.run : limits.sabotaged
    const { result, snapshot } = await makeRun({ ...task, lane, name: label, expected, limitMs, signal })
    const told = { ...result, sabotage: task.sabotage }
    await log(label, told)
    results.push(told)
    return { result: told, snapshot }
  }
  const undisturbed = (index: number): Task => ({ pair: null, seed: seed + index, sabotage: null, sdmk: whole })
  const { snapshot: expected } = await one(lanes[0] as Lane, undisturbed(0), null)
  for (let index = 1; index < calm; index++) await one(lanes[0] as Lane, undisturbed(index), expected)
  const remaining = tasks.values()
  const work = async (lane: Lane) => {
    for (const task of remaining) {
      for (let miss = 0; miss <= maxMisses; miss++) {
        const attempt = await one(lane, { ...task, seed: task.seed + miss * 100_000 }, expected).catch(error => {
          if (!signal.aborted) tell(`${task.pair?.step} × ${task.pair?.fault}: the harness failed: ${error?.stack}`)
          return null
        })
        // The results until then are still reported.
        if (signal.aborted) return
        if (attempt?.result.counted) break
      }
    }
  }
  await Promise.all(lanes.map(work))
  return results
}

/** Whether every fault hit its step, the unchanged code lost nothing, and each missing safety was noticed. */
function evaluate(results: readonly Result[], tasks: readonly Task[]): boolean {
  const ofWhole = results.filter(result => result.sabotage === null)
  const planned = tasks.filter(task => task.sabotage === null).length
  const summary = summarize(ofWhole)
  console.log(render(summary))
  const missing = planned - summary.counted
  if (missing > 0) console.log(`${missing} of ${planned} faults never hit their step`)
  let isGood = missing === 0 && !ofWhole.some(isBad)
  for (const name of new Set(tasks.map(task => task.sabotage))) {
    if (name === null) continue
    const isNoticed = results.some(result => result.sabotage === name && isBad(result))
    console.log(`${name} switched off: ${isNoticed ? 'noticed' : 'NOT noticed'}`)
    isGood &&= isNoticed
  }
  return isGood
}

function isBad({ lost, duplicated }: Result): boolean {
  return lost > 0 || duplicated > 0
}

function tell(line: string): void {
  console.log(`${new Date().toISOString().slice(11, 19)} ${line}`)
}

function describe({ sabotage: name, step, fault, counted, why, ...result }: Result): string {
  const { seconds, resumeSeconds, lost, duplicated, mostBatchesAtOnce, examples } = result
  const what = step === undefined ? 'undisturbed' : `${step} × ${fault}${counted ? '' : ` MISSED (${why})`}`
  const outcome = lost + duplicated === 0 ? 'equal' : `LOST ${lost} DUPLICATED ${duplicated}`
  const times = `${seconds} s, resumed after ${resumeSeconds ?? '-'} s, ${mostBatchesAtOnce} batches at once`
  return [`${name ? `[without ${name}] ` : ''}${what}: ${outcome}, ${times}`, ...examples].join('\n           ')
}
