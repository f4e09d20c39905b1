import type { Rate } from './baselines.ts'
import type { Measured, TransportName } from './projection.ts'

/** Ways that write record by record; `Repeat`: for existing records. */
export interface SlowWays {
  naive: Rate
  naiveRepeat: Rate
  create: Rate
  action: Rate
  actionRepeat: Rate
}

export interface Baselines extends SlowWays {
  floor: Rate
  floorRepeat: Rate
}

export interface Result {
  transport: TransportName
  baselines: Baselines
  measured: Record<string, Measured>
  /** Peak memory of Odoo's server. */
  peakMb: number
}

export interface Machine {
  cpu: string
  cores: number
  memoryGb: number
  node: string
  postgres: string
  odoo: string
}

/** Returns the results as tables in Markdown. */
export function renderTable(machine: Machine, workers: number, results: Result[]): string {
  const { cpu, cores, memoryGb, node, postgres, odoo } = machine
  const lines = [
    `Machine: ${cpu}, ${cores} cores, ${memoryGb} GB; Node ${node}, PostgreSQL ${postgres}, Odoo ${odoo}, all of it on this machine.`,
    `${number(workers)} health workers, each with one registration: ${number(workers * 2)} records.`
  ]
  for (const { transport, baselines, measured, peakMb } of results) {
    lines.push(
      '',
      `| ${transport} | records/s | naive connector | create each | scheduled action | COPY + merge | bytes/record | build, call (ms) | Node µs/record |`,
      '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |'
    )
    for (const [name, { records, seconds, bytes, buildMs, callMs, cpuUsPerRecord }] of Object.entries(measured)) {
      const isNew = name === 'all new'
      const rate = records / seconds
      const cells = [
        name,
        number(rate),
        times(rate, isNew ? baselines.naive : baselines.naiveRepeat),
        isNew ? times(rate, baselines.create) : '',
        times(rate, isNew ? baselines.action : baselines.actionRepeat),
        times(rate, isNew ? baselines.floor : baselines.floorRepeat),
        number(bytes / records),
        `${number(buildMs)}, ${number(callMs)}`,
        cpuUsPerRecord.toFixed(1)
      ]
      lines.push(`| ${cells.join(' | ')} |`)
    }
    const { naive, naiveRepeat, create, action, actionRepeat, floor, floorRepeat } = baselines
    lines.push(
      '',
      `For comparison, records/s: naive connector ${number(naive)} (present: ${number(naiveRepeat)}), create each ${number(create)}, scheduled action ${number(action)} (present: ${number(actionRepeat)}), COPY + merge ${number(floor)} (present: ${number(floorRepeat)}). Odoo's peak ${peakMb} MB.`
    )
  }
  return lines.join('\n')
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en')
}

function times(rate: number, other: Rate): string {
  const ratio = rate / other
  return `${ratio < 10 ? ratio.toFixed(2) : number(ratio)} ×`
}
