import { readFileSync } from 'node:fs'
import { isMap, isSeq, parseDocument, type YAMLMap } from 'yaml'
import { type CatalogueEntry, readCatalogue } from './codes.ts'

const rulesFile = new URL('../../observability/prometheus/rules/alerts.yml', import.meta.url)
const batchSeries = 'sdmk_kki_troubled_batch_timestamp_seconds'

/** The texts of the catalogue and the rule of one alert. */
interface Alert {
  name: string
  entry: CatalogueEntry
  rule: YAMLMap
}

/** Returns observability/prometheus/rules/alerts.yml with the texts of the catalogue; everything else stays unchanged. */
export function renderAlertRules(): string {
  const { document, alerts } = readAlerts()
  for (const { name, entry, rule } of alerts) {
    const written = (annotation: string) => rule.getIn(['annotations', annotation]) as string | undefined
    const annotations = {
      title: entry.title.en,
      title_id: entry.title.id,
      happened: written('happened'),
      happened_id: written('happened_id'),
      action: entry.action.en,
      action_id: entry.action.id,
      panel_url: written('panel_url'),
      ...(String(rule.get('expr')).includes(batchSeries) && batchDetails),
      runbook: `docs/operate/runbook.md#${name.toLowerCase()}`
    }
    const node = document.createNode(annotations)
    for (const { value } of (node as unknown as YAMLMap<unknown, { type?: string }>).items) {
      if (value) value.type = 'QUOTE_DOUBLE'
    }
    rule.set('annotations', node)
  }
  return document.toString({ lineWidth: 0 })
}

/** The details of a batch in its alert, with links to Odoo and to the log of its trace id. */
const batchDetails = {
  batch:
    'Batch {{ $labels.batch }} ({{ $labels.kind }}{{ with $labels.profession }}, {{ . }}{{ end }}): fetched {{ $labels.fetched }} = ' +
    'created {{ $labels.created }} + linked {{ $labels.linked }} + updated {{ $labels.updated }} + ' +
    'unchanged {{ $labels.unchanged }} + superseded {{ $labels.superseded }} + rejected {{ $labels.rejected }}; ' +
    'deactivated {{ $labels.deactivated }}; trace id {{ $labels.trace_id }}',
  batch_url: '{{ $externalLabels.odoo_url }}/odoo/action-sdmk_integration_kki.sdmk_batch_action/{{ $labels.batch }}',
  logs_url: '{{ $externalLabels.grafana_url }}/d/integrasi-kki?viewPanel=61&var-trace_id={{ $labels.trace_id }}'
}

/** Returns docs/operate/runbook.md: for every alert its condition and its action, in English and Indonesian. */
export function renderRunbook(): string {
  const sections = readAlerts().alerts.map(({ name, entry, rule }) => {
    const severity = rule.getIn(['labels', 'severity'])
    const wait = rule.get('for')
    const texts = (language: 'en' | 'id', example: string) =>
      `**${entry.title[language]}.** ${entry.meaning[language]}\n\n_${example}:_ ${entry.example[language]}\n\n${entry.action[language]}`
    return [
      `## ${name}`,
      `\`${severity}\`, fires ${wait ? `after ${wait} of` : 'on'} \`${String(rule.get('expr')).trim()}\``,
      texts('en', 'For example'),
      texts('id', 'Misalnya')
    ].join('\n\n')
  })
  return `${['# Runbook / Panduan peringatan', introduction, ...sections].join('\n\n')}\n`
}

const introduction = `Generated from \`contracts/codes.yaml\` and \`observability/prometheus/rules/alerts.yml\` by \`npm run generate\`.
\`critical\` is repeated every hour, \`warning\` every twelve hours, until it ends; [how to silence one](observability.md#silence-an-alert).

\`critical\` diulang setiap jam, \`warning\` setiap dua belas jam, sampai selesai; [cara membisukan](observability.md#silence-an-alert).`

/** @throws if a rule has no entry in the catalogue */
function readAlerts() {
  const document = parseDocument(readFileSync(rulesFile, 'utf8'))
  const catalogue = readCatalogue()
  const rules = document.getIn(['groups', 0, 'rules'])
  if (!isSeq(rules)) throw new Error('alerts.yml has no group of rules')
  const alerts = rules.items.filter(isMap).map((rule): Alert => {
    const name = String(rule.get('alert'))
    const entry = catalogue[name]
    if (entry?.kind !== 'alert') throw new Error(`contracts/codes.yaml has no alert ${name}`)
    return { name, entry, rule }
  })
  return { document, alerts }
}
