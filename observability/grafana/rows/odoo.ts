import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { graph } from '../panels.ts'
import { events } from '../queries.ts'

/** Pending changes for Odoo. */
export function odoo(dashboard: DashboardBuilder) {
  dashboard
    .withRow(new RowBuilder('Odoo').id(104))
    .withPanel(
      graph({
        id: 41,
        title: 'Umur antrean Odoo',
        en: 'Age of the oldest change that is not sent to Odoo yet',
        series: { umur: 'max(sdmk_odoo_oldest_pending_seconds)' },
        unit: 's'
      }).span(6)
    )
    .withPanel(
      graph({
        id: 42,
        title: 'Antrean Odoo',
        en: 'Jobs that are not sent to Odoo yet; a job that failed before may have a record that cannot be sent',
        series: { pekerjaan: 'max(sdmk_odoo_pending_jobs)', 'pernah gagal': 'max(sdmk_odoo_failing_jobs)' }
      }).span(6)
    )
    .withPanel(
      graph({
        id: 43,
        title: 'Panggilan ke Odoo',
        en: 'Calls to Odoo, by result',
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
