import type { Ceiling } from '../ceiling.ts'
import type { Taken } from './baselines.ts'
import type { FloorTaken } from './floor.ts'
import type { Measured } from './measured.ts'

export interface Case {
  name: string
  runs: Measured[]
  /** For the floor, with the rows of each run. */
  floors: FloorTaken[]
}

export interface Results {
  machine: { cpu: string; cores: number; memoryGb: number; node: string }
  rows: number
  /** Memory of the sidecar before its first run. */
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
      median(runs.map((run, i) => (floors[i]?.seconds ?? Number.NaN) / run.seconds)).toFixed(2),
      number(median(runs.map((run, i) => run.rows / (floors[i]?.seconds ?? Number.NaN)))),
      number(of(run => run.batches)),
      `${number(peak)} (${number(peak - median(idleMb))})`,
      number(of(run => (run.walMb * 2 ** 20) / run.rows)),
      shares.map(share => Math.round(share * 100)).join(' : ')
    ]
    lines.push(`| ${cells.join(' | ')} |`)
  }
  lines.push('', ...processorTable(cases))
  const first = median((cases[0]?.runs ?? []).map(rate))
  const [slow, pages] = [plain.rowByRow, plain.pageByPage].map(taken => median(taken.map(rate))) as [number, number]
  lines.push(
    '',
    `The first load makes ${number(first / slow)} times the rows of one insert on conflict per row (${number(slow)} rows/s), and ${(first / pages).toFixed(1)} times those of finished rows page by page on one connection (${number(pages)} rows/s).`
  )
  return lines.join('\n')
}

/** Processor time, because other work on the machine changes it less than the elapsed time. */
function processorTable(cases: readonly Case[]): string[] {
  return [
    '| processor time, µs per row | service | PostgreSQL | service and PostgreSQL | simulated KKI | floor |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...cases.map(({ name, runs, floors }) => {
      const of = (pick: (run: Measured, i: number) => number) =>
        median(runs.map((run, i) => (pick(run, i) * 1e6) / run.rows)).toFixed(1)
      const cells = [
        name,
        of(run => run.processor.service),
        of(run => run.processor.postgres),
        of(run => run.processor.service + run.processor.postgres),
        of(run => run.processor.simulator),
        of((_, i) => floors[i]?.processor ?? Number.NaN)
      ]
      return `| ${cells.join(' | ')} |`
    })
  ]
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
