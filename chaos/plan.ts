import { hash } from 'node:crypto'
import { faultNames, type Pair, pairs } from './faults.ts'
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
  sabotage?: string
  calm?: string
  out?: string
}

/** A run to make. */
export interface Task {
  /** Null for an undisturbed run. */
  pair: Pair | null
  seed: number
  /** Which safety is switched off. */
  sabotage: SabotageName | null
  /** The command line of the sidecar that is put to the test. */
  sdmk: string
}

/** Bounds against hanging. A run that is broken on purpose is given less time. */
export const limits = { run: 300_000, sabotaged: 45_000 }

/** The hardest of the matrix, in under four minutes. */
export const shortPairs: readonly Pair[] = [
  { step: 'apply-before', fault: 'postgres-crash' },
  { step: 'stage-begin', fault: 'sigstop' },
  { step: 'apply-after', fault: 'sigkill' },
  { step: 'token', fault: 'kki-lost' }
]
/** The projection's version is Odoo's, which all runs share: `--sabotage projection-version` is a matrix of its own. */
export const shortSabotages: readonly SabotageName[] = ['fence', 'page-transaction', 'apply-transaction']

/** The pairs whose step and fault are named; all where none is. `step`, `fault` or `step/fault`. */
export function choose(only: readonly string[]): readonly Pair[] {
  if (only.length === 0) return pairs
  const chosen = pairs.filter(({ step, fault }) => only.some(word => [step, fault, `${step}/${fault}`].includes(word)))
  if (chosen.length > 0) return chosen
  throw new Error(`--only: a step (${stepNames.join(', ')}), a fault (${faultNames.join(', ')}), or step/fault`)
}

/**
 * Every pair in turn, each time with another seed; as many as asked for, or each once. In an order of chance, so that a
 * matrix that is broken off has seen something of everything.
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
