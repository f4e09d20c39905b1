import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { graph, link, table } from '../panels.ts'
import { events, logsOfTrace, odooBatches, odooRejections, quantile } from '../queries.ts'

/** Batches, their rows, and rejected rows. */
export function batches(dashboard: DashboardBuilder) {
  dashboard
    .withRow(new RowBuilder('Batch dan baris').id(102))
    .withPanel(
      table({
        id: 10,
        title: 'Batch bermasalah',
        en: 'The newest batch with each kind of trouble; links lead to Odoo or to the log',
        expr: 'max without (job, instance, service) (sdmk_kki_troubled_batch_timestamp_seconds) * 1000 > 0',
        columns: {
          Value: 'Sejak',
          trouble: 'Masalah',
          batch: 'Batch',
          kind: 'Jenis',
          profession: 'Profesi',
          reason: 'Alasan',
          fetched: 'Diterima',
          created: 'Dibuat',
          linked: 'Ditautkan',
          updated: 'Diperbarui',
          unchanged: 'Tetap',
          superseded: 'Digantikan',
          rejected: 'Ditolak',
          deactivated: 'Diakhiri',
          trace_id: 'Trace id'
        },
        unit: 'dateTimeAsIso',
        links: {
          batch: { title: 'Buka di Odoo', url: `${odooBatches}/\${__value.raw}` },
          trace_id: { title: 'Lihat log', url: `${logsOfTrace}\${__value.raw}` }
        }
      })
    )
    .withPanel(
      graph({
        id: 11,
        title: 'Batch selesai',
        en: 'Ended batches by state, and batches that rejected more rows than the setting allows',
        series: {
          '{{state}}': events('sdmk_kki_batches_total', 'state'),
          'di atas batas penolakan': events('sdmk_kki_batches_over_reject_ratio_total')
        },
        bars: true
      }).links([link('Odoo', odooBatches)])
    )
    .withPanel(
      graph({
        id: 12,
        title: 'Baris baik dan ditolak',
        en: 'Rows of applied batches: accepted and rejected',
        series: {
          baik: `${events('sdmk_kki_rows_total{outcome="fetched"}')} - ${events('sdmk_kki_rows_total{outcome="rejected"}')}`,
          ditolak: events('sdmk_kki_rows_total{outcome="rejected"}')
        },
        bars: true
      }).links([link('Odoo', odooBatches)])
    )
    .withPanel(
      graph({
        id: 13,
        title: 'STR yang berakhir',
        en: 'Licences that went from active to a deactivated status',
        series: { diakhiri: events('sdmk_kki_rows_total{outcome="deactivated"}') },
        bars: true
      })
    )
    .withPanel(
      graph({
        id: 14,
        title: 'Penolakan per kode',
        en: 'Rejected rows by reason; docs/reference/codes.md explains each',
        series: { '{{code}}': events('sdmk_kki_rejections_total', 'code') },
        bars: true
      }).links([link('Odoo', odooRejections)])
    )
    .withPanel(
      graph({
        id: 15,
        title: 'Durasi per tahap',
        en: 'Time that 95 % of batches stay below, by phase',
        series: { '{{phase}}': quantile(0.95, 'sdmk_kki_batch_duration_seconds_bucket', 'phase') },
        unit: 's'
      })
    )
    .withPanel(
      graph({
        id: 16,
        title: 'Catatan per kode',
        en: 'Rows with a warning, by code; warnings reject nothing',
        series: { '{{code}}': events('sdmk_kki_warnings_total', 'code') },
        bars: true
      })
    )
    .withPanel(
      graph({
        id: 17,
        title: 'Batch ditahan per alasan',
        en: 'Held batches, by reason',
        series: { '{{reason}}': events('sdmk_kki_batches_held_total', 'reason') },
        bars: true
      }).links([link('Odoo', odooBatches)])
    )
}
