import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { graph, link, stat } from '../panels.ts'
import { odooBatches, odooRejections } from '../queries.ts'

/** The present state, and daily totals. */
export function status(dashboard: DashboardBuilder) {
  dashboard
    .withRow(new RowBuilder('Status').id(101))
    .withPanel(
      stat({
        id: 1,
        title: 'Integrasi',
        en: 'Whether the integration is switched on',
        expr: 'max(sdmk_integration_active)',
        words: { 0: ['Mati', 'red'], 1: ['Aktif', 'green'] }
      })
    )
    .withPanel(
      stat({
        id: 2,
        title: 'Terakhir berhasil',
        en: 'Time of the last applied batch',
        expr: 'max(sdmk_kki_last_success_timestamp_seconds) * 1000',
        unit: 'dateTimeFromNow'
      })
    )
    .withPanel(
      stat({
        id: 3,
        title: 'Proses berikutnya',
        en: 'Time of the next scheduled run; in the past if it has not started',
        expr: 'max(sdmk_kki_next_run_due_timestamp_seconds) * 1000',
        unit: 'dateTimeFromNow'
      })
    )
    .withPanel(
      stat({
        id: 4,
        title: 'Menunggu keputusan',
        en: 'Batches on hold until a person applies or discards them',
        expr: 'max(sdmk_batches_held)',
        from: { orange: 1 }
      }).links([link('Odoo', odooBatches)])
    )
    .withPanel(
      stat({
        id: 5,
        title: 'Pengakhiran mendesak',
        en: 'Deactivations of licences that are not matched to a person yet',
        expr: 'max(sdmk_kki_deactivations_unresolved)',
        from: { red: 1 }
      }).links([link('Odoo', odooRejections)])
    )
    .withPanel(
      stat({
        id: 6,
        title: 'Peringatan aktif',
        en: 'Alerts that fire now',
        expr: 'count(ALERTS{alertstate="firing", integration="kki"}) or vector(0)',
        from: { red: 1 }
      })
    )
    .withPanel(
      stat({
        id: 7,
        title: 'Rantai audit',
        en: 'Whether the audit chain is intact',
        expr: 'min(sdmk_audit_chain_ok)',
        words: { 0: ['Putus', 'red'], 1: ['Utuh', 'green'] }
      })
    )
    .withPanel(
      stat({
        id: 8,
        title: 'Tidak terlihat di KKI',
        en: 'Registrations that the last two full runs did not show',
        expr: 'max(sdmk_kki_not_listed_registrations)',
        from: { orange: 1 }
      })
    )
    .withPanel(
      graph({
        id: 9,
        title: 'Status harian',
        en: 'Rows of each day, by outcome',
        series: {
          '{{outcome}}': 'sum by (outcome) (increase(sdmk_kki_rows_total{outcome!~"fetched|deactivated"}[1d]))'
        },
        bars: true
      })
        .interval('1d')
        .timeFrom('14d')
        .span(24)
    )
}
