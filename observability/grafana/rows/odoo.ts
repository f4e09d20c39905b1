import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { graph } from '../panels.ts'
import { events } from '../queries.ts'

/** What Odoo has not been told. */
export function odoo(dashboard: DashboardBuilder) {
  dashboard
    .withRow(new RowBuilder('Odoo').id(104))
    .withPanel(
      graph({
        id: 41,
        title: 'Umur antrean Odoo',
        en: 'Age of the oldest thing that Odoo has not been told',
        series: { umur: 'max(sdmk_odoo_oldest_pending_seconds)' },
        unit: 's'
      }).span(6)
    )
    .withPanel(
      graph({
        id: 42,
        title: 'Antrean Odoo',
        en: 'Jobs that Odoo has not been told; those that failed before may be of a record that it cannot be told',
        series: { pekerjaan: 'max(sdmk_odoo_pending_jobs)', 'pernah gagal': 'max(sdmk_odoo_failing_jobs)' }
      }).span(6)
    )
    .withPanel(
      graph({
        id: 43,
        title: 'Panggilan ke Odoo',
        en: 'Calls of Odoo, by what came of them',
        series: { '{{result}}': events('sdmk_odoo_calls_total', 'result') },
        bars: true
      }).span(6)
    )
    .withPanel(
      graph({
        id: 44,
        title: 'Pemutus Odoo',
        en: '0 closed, 1 half-open, 2 open',
        series: { pemutus: 'max(sdmk_odoo_breaker_state)' }
      })
        .span(6)
        .max(2)
    )
}
