import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { graph, stat } from '../panels.ts'
import { events, quantile } from '../queries.ts'

/** Requests to KKI, its answers, and the token. */
export function kki(dashboard: DashboardBuilder) {
  dashboard
    .withRow(new RowBuilder('KKI').id(103))
    .withPanel(
      graph({
        id: 31,
        title: 'Permintaan ke KKI',
        en: 'List requests each second, by HTTP status or kind of failure',
        series: { '{{status}}': 'sum by (status) (rate(sdmk_kki_requests_total[$__rate_interval]))' },
        unit: 'reqps'
      })
    )
    .withPanel(
      graph({
        id: 32,
        title: 'Latensi KKI',
        en: 'Time to the last byte of an answer: half of the requests, and 95 %, stay below',
        series: {
          p50: quantile(0.5, 'sdmk_kki_request_duration_seconds_bucket'),
          p95: quantile(0.95, 'sdmk_kki_request_duration_seconds_bucket')
        },
        unit: 's'
      })
    )
    .withPanel(
      graph({
        id: 33,
        title: 'Percobaan ulang',
        en: 'Requests that repeated a failed one',
        series: { 'percobaan ulang': events('sdmk_kki_retries_total') },
        bars: true
      })
    )
    .withPanel(
      graph({
        id: 34,
        title: 'Pemutus KKI',
        en: '0 closed, 1 half-open, 2 open: batches wait',
        series: { pemutus: 'max(sdmk_kki_breaker_state)' }
      }).max(2)
    )
    .withPanel(
      graph({
        id: 35,
        title: 'Token',
        en: 'Requests for an access token, by result',
        series: { '{{result}}': events('sdmk_kki_token_refresh_total', 'result') },
        bars: true
      })
    )
    .withPanel(
      stat({
        id: 36,
        title: 'Token berlaku sampai',
        en: 'Expiry of the present access token; the next request renews it',
        expr: 'max(sdmk_kki_token_expires_timestamp_seconds) * 1000 > 0',
        unit: 'dateTimeFromNow'
      })
        .span(8)
        .height(8)
    )
}
