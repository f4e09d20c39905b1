import {
  DashboardBuilder,
  DashboardCursorSync,
  TextBoxVariableBuilder,
  VariableHide
} from '@grafana/grafana-foundation-sdk/dashboard'
import { link } from './panels.ts'
import { alertsAndLogs } from './rows/alerts-and-logs.ts'
import { batches } from './rows/batches.ts'
import { kki } from './rows/kki.ts'
import { odoo } from './rows/odoo.ts'
import { service } from './rows/service.ts'
import { status } from './rows/status.ts'

/** The text of dashboards/integrasi-kki.json, the one dashboard of the integration. */
export function renderDashboard(): string {
  const dashboard = new DashboardBuilder('Integrasi KKI')
    .uid('integrasi-kki')
    .description('The integration with KKI: runs, rows, rejected rows, KKI itself, Odoo, the service, alerts and logs')
    .tags(['sdmk', 'kki'])
    .timezone('Asia/Jakarta')
    .time({ from: 'now-24h', to: 'now' })
    .refresh('1m')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(
      new TextBoxVariableBuilder('trace_id')
        .label('Trace id')
        .description('Log lines with this trace id only; empty: all')
        .defaultValue('')
    )
    .withVariable(
      new TextBoxVariableBuilder('odoo_url')
        .label('Odoo')
        .description('Address of Odoo for browsers; links start with it')
        .defaultValue('http://localhost:8069')
        .hide(VariableHide.HideVariable)
    )
    .link(link('Odoo', '$odoo_url/odoo/sdmk-kki'))
  for (const row of [status, batches, kki, odoo, service, alertsAndLogs]) row(dashboard)
  return `${JSON.stringify(dashboard.build(), null, 2)}\n`
}
