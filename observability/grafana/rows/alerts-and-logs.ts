import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { logGraph, logs, table } from '../panels.ts'
import { ourServices } from '../queries.ts'

/** Alerts that fire, and the log. */
export function alertsAndLogs(dashboard: DashboardBuilder) {
  dashboard
    .withRow(new RowBuilder('Peringatan dan log').id(106))
    .withPanel(
      table({
        id: 60,
        title: 'Peringatan aktif',
        en: 'Alerts that fire now; see docs/operate/runbook.md',
        expr: 'ALERTS{alertstate="firing", integration="kki"}',
        columns: { alertname: 'Peringatan', severity: 'Tingkat', service: 'Layanan', trouble: 'Masalah' }
      })
    )
    .withPanel(
      logs({
        id: 61,
        title: 'Log',
        en: 'Log lines of our processes; only of one trace if its id is given above',
        expr: `{service=~"${ourServices}"} |= "$trace_id"`
      })
    )
    .withPanel(
      logGraph({
        id: 62,
        title: 'Peringatan dan kesalahan di log',
        en: 'Log lines of level warn and above, by service and level',
        expr: `sum by (service, level) (count_over_time({service=~"${ourServices}", level=~"warn|error|fatal"}[$__auto]))`,
        legend: '{{service}} {{level}}'
      })
    )
}
