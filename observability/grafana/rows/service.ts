import { type DashboardBuilder, RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard'
import { graph } from '../panels.ts'
import { quantile } from '../queries.ts'

/** Metrics of fastify-metrics and Node for every process. */
export function service(dashboard: DashboardBuilder) {
  const perService = '{{service}}'
  dashboard
    .withRow(new RowBuilder('Layanan').id(105))
    .withPanel(
      graph({
        id: 51,
        title: 'Proses yang menjawab',
        en: '1 if a process answers Prometheus',
        series: { [perService]: 'min by (service) (up{job="sdmk"})' }
      }).max(1)
    )
    .withPanel(
      graph({
        id: 52,
        title: 'Permintaan HTTP',
        en: 'Requests to our API each second, by route and status',
        series: {
          '{{method}} {{route}} {{status_code}}':
            'sum by (method, route, status_code) (rate(http_request_duration_seconds_count[$__rate_interval]))'
        },
        unit: 'reqps'
      })
    )
    .withPanel(
      graph({
        id: 53,
        title: 'Latensi HTTP',
        en: 'Time that 95 % of requests to our API stay below, by route',
        series: { '{{route}}': quantile(0.95, 'http_request_duration_seconds_bucket', 'route') },
        unit: 's'
      })
    )
    .withPanel(
      graph({
        id: 54,
        title: 'Jeda event loop',
        en: 'Delay of the event loop: 99 % of the time it is below',
        series: { [perService]: 'max by (service) (nodejs_eventloop_lag_p99_seconds)' },
        unit: 's'
      })
    )
    .withPanel(
      graph({
        id: 55,
        title: 'Memori',
        en: 'Memory of the process, and the used part of its heap',
        series: {
          '{{service}} RSS': 'max by (service) (process_resident_memory_bytes)',
          '{{service}} heap': 'max by (service) (nodejs_heap_size_used_bytes)'
        },
        unit: 'bytes'
      })
    )
    .withPanel(
      graph({
        id: 56,
        title: 'CPU',
        en: 'Processor time that the process uses; 1 is one core',
        series: { [perService]: 'sum by (service) (rate(process_cpu_seconds_total[$__rate_interval]))' }
      })
    )
}
