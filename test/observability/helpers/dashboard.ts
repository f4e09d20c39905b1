import { readFileSync } from 'node:fs'
import path from 'node:path'
import { shipped } from './monitoring.ts'

interface Panel {
  id: number
  type: string
  title: string
  description?: string
  targets?: { expr: string; datasource: { type: string; uid: string } }[]
}

/** The shipped dashboard. */
export const dashboard = JSON.parse(
  readFileSync(path.join(shipped, 'grafana/dashboards/integrasi-kki.json'), 'utf8')
) as { uid: string; title: string; panels: Panel[] }

/** Its panels without the headings of rows. */
export const panels = dashboard.panels.filter(({ type }) => type !== 'row')

/** Every query of every panel. */
export const queries = panels.flatMap(({ id, targets = [] }) =>
  targets.map(({ expr, datasource }) => ({ panel: id, expr, datasource: datasource.type }))
)
