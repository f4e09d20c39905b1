import {
  BigValueColorMode,
  BigValueGraphMode,
  type DataSourceRef,
  GraphDrawStyle,
  ReduceDataOptionsBuilder,
  StackingConfigBuilder,
  StackingMode,
  TooltipDisplayMode,
  VizTooltipOptionsBuilder
} from '@grafana/grafana-foundation-sdk/common'
import {
  DashboardLinkBuilder,
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping
} from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as LogsPanel } from '@grafana/grafana-foundation-sdk/logs'
import { DataqueryBuilder as LokiQuery } from '@grafana/grafana-foundation-sdk/loki'
import { DataqueryBuilder as PrometheusQuery, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatPanel } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TablePanel } from '@grafana/grafana-foundation-sdk/table'
import { PanelBuilder as GraphPanel } from '@grafana/grafana-foundation-sdk/timeseries'

/** The same as in provisioning/datasources. */
const prometheus: DataSourceRef = { type: 'prometheus', uid: 'prometheus' }
const loki: DataSourceRef = { type: 'loki', uid: 'loki' }

/** Common properties of panels; links in alerts contain the id, so an id never changes its meaning. */
interface Named {
  id: number
  /** The Indonesian title for operators; `en` is the description. */
  title: string
  en: string
}

interface Stat extends Named {
  expr: string
  unit?: string
  /** Thresholds with their colours; green below the first. */
  from?: Partial<Record<'red' | 'orange', number>>
  /** Words and colours of single values. */
  words?: Record<string, [text: string, color: string]>
}

/** A number with a colour. */
export function stat({ id, title, en, expr, unit, from = {}, words }: Stat): StatPanel {
  const steps = [
    { value: null, color: 'green' },
    ...Object.entries(from).map(([color, value]) => ({ value: value as number, color }))
  ]
  const panel = new StatPanel()
    .id(id)
    .title(title)
    .description(en)
    .datasource(prometheus)
    .span(3)
    .height(4)
    .graphMode(BigValueGraphMode.None)
    .colorMode(BigValueColorMode.Background)
    .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps))
    .withTarget(query('A', expr).instant())
  if (unit) panel.unit(unit)
  if (words) panel.mappings([wordsMapping(words)])
  return panel
}

function wordsMapping(words: NonNullable<Stat['words']>): ValueMapping {
  const options = Object.fromEntries(
    Object.entries(words).map(([value, [text, color]], index) => [value, { text, color, index }])
  )
  return { type: MappingType.ValueToText, options }
}

interface Graph extends Named {
  /** The queries, by their legend (which may name a label: `{{code}}`). */
  series: Record<string, string>
  unit?: string
  /** Counts within each interval, stacked as bars, instead of lines. */
  bars?: true
}

/** A time series. */
export function graph({ id, title, en, series, unit = 'short', bars }: Graph): GraphPanel {
  const panel = new GraphPanel()
    .id(id)
    .title(title)
    .description(en)
    .datasource(prometheus)
    .span(8)
    .height(8)
    .unit(unit)
    .min(0)
    .tooltip(new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi))
  for (const [index, [legend, expr]] of Object.entries(series).entries()) {
    panel.withTarget(
      query(String.fromCharCode(65 + index), expr)
        .range()
        .legendFormat(legend)
    )
  }
  if (bars) {
    panel
      .drawStyle(GraphDrawStyle.Bars)
      .fillOpacity(80)
      .lineWidth(0)
      .stacking(new StackingConfigBuilder().mode(StackingMode.Normal).group('A'))
  }
  return panel
}

interface Table extends Named {
  expr: string
  /** Headings of the columns, by label, in order; other labels are hidden. */
  columns: Record<string, string>
  /** Links of the values in a column. */
  links?: Record<string, { title: string; url: string }>
  /** Unit of the value. */
  unit?: string
}

/** A table of present values, one line each. */
export function table({ id, title, en, expr, columns, links = {}, unit }: Table): TablePanel {
  const panel = new TablePanel()
    .id(id)
    .title(title)
    .description(en)
    .datasource(prometheus)
    .span(24)
    .height(6)
    .noValue('Tidak ada')
    .withTarget(query('A', expr).instant().format(PromQueryFormat.Table))
    .withTransformation({ id: 'filterFieldsByName', options: { include: { names: Object.keys(columns) } } })
    .withTransformation({
      id: 'organize',
      options: {
        renameByName: columns,
        indexByName: Object.fromEntries(Object.keys(columns).map((name, index) => [name, index]))
      }
    })
  for (const [column, { title: linkTitle, url }] of Object.entries(links)) {
    panel.overrideByName(columns[column] as string, [{ id: 'links', value: [{ title: linkTitle, url }] }])
  }
  if (unit && columns.Value) panel.overrideByName(columns.Value, [{ id: 'unit', value: unit }])
  return panel
}

/** Log lines. */
export function logs({ id, title, en, expr }: Named & { expr: string }): LogsPanel {
  return new LogsPanel()
    .id(id)
    .title(title)
    .description(en)
    .datasource(loki)
    .span(24)
    .height(12)
    .showTime(true)
    .wrapLogMessage(true)
    .prettifyLogMessage(true)
    .enableLogDetails(true)
    .withTarget(new LokiQuery().refId('A').datasource(loki).expr(expr).range(true).maxLines(500))
}

/** The number of log lines over time. */
export function logGraph({ id, title, en, expr, legend }: Named & { expr: string; legend: string }): GraphPanel {
  return new GraphPanel()
    .id(id)
    .title(title)
    .description(en)
    .datasource(loki)
    .span(24)
    .height(5)
    .drawStyle(GraphDrawStyle.Bars)
    .withTarget(new LokiQuery().refId('A').datasource(loki).expr(expr).range(true).legendFormat(legend))
}

/** A link beside a panel's title or at the top of the dashboard. */
export function link(title: string, url: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).url(url).targetBlank(true)
}

function query(refId: string, expr: string): PrometheusQuery {
  return new PrometheusQuery().refId(refId).datasource(prometheus).expr(expr)
}
