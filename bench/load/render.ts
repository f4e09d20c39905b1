import type { Ceiling } from '../ceiling.ts'
import type { Taken } from './baselines.ts'
import type { Measured } from './measured.ts'

export interface Case {
  name: string
  runs: Measured[]
  /** Seconds of the floor for the rows of each run. */
  floors: number[]
}

export interface Results {
  machine: { cpu: string; cores: number; memoryGb: number; node: string }
  rows: number
  /** Of the sidecar before its first run. */
  idleMb: number[]
  cases: Case[]
  plain: { rowByRow: Taken[]; pageByPage: Taken[] }
  ceilings: Ceiling[]
}

/** Returns the results as tables in Markdown; each figure is the median of the rounds. */
export function render({ machine, rows, idleMb, cases, plain, ceilings }: Results): string {
  const { cpu, cores, memoryGb, node } = machine
  const ceiling = median(ceilings.map(rate))
  const lines = [
    `Machine: ${cpu}, ${cores} cores, ${memoryGb} GB, Node ${node}; PostgreSQL, sidecar and simulated KKI on it together.`,
    `${number(rows)} records, ${cases[0]?.runs.length} rounds. The simulated KKI alone serves ${number(ceiling)} rows/s.`,
    '',
    '| case | rows/s | of the floor | floor, rows/s | batches | peak memory, MB (above idle) | WAL, bytes per row | fetch : plan : apply |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
  ]
  for (const { name, runs, floors } of cases) {
    const of = (pick: (run: Measured) => number) => median(runs.map(pick))
    const shares = ['fetch', 'plan', 'apply'].map(phase => of(run => (run.phases[phase] ?? 0) / total(run.phases)))
    const peak = of(run => run.peakMb)
    const cells = [
      name,
      number(of(rate)),
      median(runs.map((run, i) => (floors[i] ?? Number.NaN) / run.seconds)).toFixed(2),
      number(median(runs.map((run, i) => run.rows / (floors[i] ?? Number.NaN)))),
      number(of(run => run.batches)),
      `${number(peak)} (${number(peak - median(idleMb))})`,
      number(of(run => (run.walMb * 2 ** 20) / run.rows)),
      shares.map(share => Math.round(share * 100)).join(' : ')
    ]
    lines.push(`| ${cells.join(' | ')} |`)
  }
  const first = median((cases[0]?.runs ?? []).map(rate))
  const [slow, pages] = [plain.rowByRow, plain.pageByPage].map(taken => median(taken.map(rate))) as [number, number]
  lines.push(
    '',
    `The first load makes ${number(first / slow)} times the rows of one insert on conflict per row (${number(slow)} rows/s), and ${(first / pages).toFixed(1)} times those of finished rows page by page on one connection (${number(pages)} rows/s).`
  )
  return lines.join('\n')
}

const rate = ({ rows, seconds }: Taken) => rows / seconds
const total = (phases: Record<string, number>) => Object.values(phases).reduce((sum, seconds) => sum + seconds, 0)
const number = (value: number) => Math.round(value).toLocaleString('en')

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}
