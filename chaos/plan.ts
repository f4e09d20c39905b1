import { hash } from 'node:crypto'
import { faultNames, type Pair, pairs, type Setting, settingOf } from './faults.ts'
import type { SabotageName } from './sabotage.ts'
import { stepNames } from './steps.ts'

/** The command line. */
export interface Arguments {
  runs?: string
  rows: string
  seed: string
  lanes: string
  only?: string[]
  short: boolean
  /** Whether each lane has a cluster, to play the faults of one. */
  cluster: boolean
  /** Whether the clocks of each lane can be shifted, to play the faults of clocks. */
  clocks: boolean
  sabotage?: string
  calm?: string
  out?: string
}

/** @throws if both kinds of lane are asked for */
export function settingOfArguments({ cluster, clocks }: Pick<Arguments, 'cluster' | 'clocks'>): Setting {
  if (cluster && clocks) throw new Error('--cluster and --clocks exclude each other')
  return cluster ? 'cluster' : clocks ? 'clocks' : 'server'
}

/** A planned run. */
export interface Task {
  /** Null for an undisturbed run. */
  pair: Pair | null
  seed: number
  /** The safety that is switched off. */
  sabotage: SabotageName | null
  /** The command line of the tested sidecar. */
  sdmk: string
}

/** Bounds against hanging. A run with a missing safety gets less time. */
export const limits = { run: 300_000, sabotaged: 45_000 }

/** The hardest pairs of the matrix, in under four minutes. */
export const shortPairs: readonly Pair[] = [
  { step: 'apply-before', fault: 'postgres-crash' },
  { step: 'stage-begin', fault: 'sigstop' },
  { step: 'apply-after', fault: 'sigkill' },
  { step: 'token', fault: 'kki-lost' }
]
/** The version check is in Odoo, which all runs share: `--sabotage projection-version` is a separate matrix. */
export const shortSabotages: readonly SabotageName[] = ['fence', 'page-transaction', 'apply-transaction']

/**
 * The pairs whose step and fault are named; all if none is given. `step`, `fault` or `step/fault`.
 *
 * @param setting the kind of lane; each has its own faults
 */
export function choose(only: readonly string[], setting: Setting): readonly Pair[] {
  const possible = pairs.filter(({ fault }) => settingOf(fault) === setting)
  if (only.length === 0) return possible
  const chosen = possible.filter(({ step, fault }) =>
    only.some(word => [step, fault, `${step}/${fault}`].includes(word))
  )
  if (chosen.length > 0) return chosen
  throw new Error(`--only: a step (${stepNames.join(', ')}), a fault (${faultNames.join(', ')}), or step/fault`)
}

/**
 * Every pair in turn, each time with another seed; as many runs as requested, or each pair once. In random order, so that an
 * interrupted matrix has results for all kinds of pairs.
 */
export function inTurn(
  chosen: readonly Pair[],
  runs: number,
  seed: number,
  subject: Pick<Task, 'sabotage' | 'sdmk'>
): Task[] {
  const shuffled = chosen
    .map((pair, index) => ({ pair, key: hash('sha256', `${seed} ${index}`) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  return Array.from({ length: runs || chosen.length }, (_, index) => ({
    ...subject,
    pair: shuffled[index % chosen.length]?.pair ?? null,
    seed: seed * 1000 + index
  }))
}
