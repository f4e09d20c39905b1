import type { Measured } from '../load/measured.ts'
import { median } from '../load/render.ts'
import type { DltRun } from './dlt.ts'
import type { Feed } from './feed.ts'

export interface PeerCase {
  name: string
  service: Measured[]
  dlt: DltRun[]
}

/** Returns ratios and processor time as tables in Markdown; each figure is the median of the rounds. */
export function render(feed: Feed, cases: readonly PeerCase[]): string {
  const rounds = cases[0]?.service.length
  const lines = [
    `${number(feed.rows)} rows, ${rounds} rounds in turn. dlt ${cases[0]?.dlt[0]?.version} merges ${number(feed.withKey)} of them by STR and profession, ` +
      `${number(feed.keys)} different ones: it stops at the first row without its key, so ${number(feed.rows - feed.withKey)} rows are kept from it.`,
    '',
    '| case | speed of the service, dlt = 1 | processor time of service and PostgreSQL, of dlt and PostgreSQL = 1 |',
    '| --- | ---: | ---: |',
    ...cases.map(({ name, service, dlt }) => {
      const of = (pick: (run: Measured, other: DltRun) => number) =>
        median(service.map((run, i) => pick(run, dlt[i] as DltRun))).toFixed(2)
      const speed = of((run, other) => other.seconds / run.seconds)
      const processor = of(
        ({ processor: own }, { processor: peer }) => (own.service + own.postgres) / (peer.dlt + peer.postgres)
      )
      return `| ${name} | ${speed} | ${processor} |`
    }),
    '',
    '| processor time, µs per row | service | its PostgreSQL | its simulated KKI | dlt | its PostgreSQL | its simulated KKI |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...cases.map(({ name, service, dlt }) => {
      const perRow = (seconds: number[]) => ((median(seconds) * 1e6) / feed.rows).toFixed(1)
      const cells = [
        name,
        perRow(service.map(({ processor }) => processor.service)),
        perRow(service.map(({ processor }) => processor.postgres)),
        perRow(service.map(({ processor }) => processor.simulator)),
        perRow(dlt.map(({ processor }) => processor.dlt)),
        perRow(dlt.map(({ processor }) => processor.postgres)),
        perRow(dlt.map(({ processor }) => processor.simulator))
      ]
      return `| ${cells.join(' | ')} |`
    })
  ]
  return lines.join('\n')
}

const number = (value: number) => value.toLocaleString('en')
