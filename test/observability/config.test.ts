import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import type { PrometheusPrograms } from '../../tools/prometheus/install.ts'
import { shipped } from './helpers/monitoring.ts'
import { programsOrReason } from './helpers/prometheus.ts'

const run = promisify(execFile)
const { programs, skip } = await programsOrReason()
const { promtool, amtool } = (programs ?? {}) as PrometheusPrograms
const read = (file: string) => readFileSync(path.join(shipped, file), 'utf8')

interface Rule {
  alert: string
  expr: string
  for?: string
  labels: Record<string, string>
  annotations: Record<string, string>
}
const alerts = (parse(read('prometheus/rules/alerts.yml'), { merge: true }) as { groups: [{ rules: Rule[] }] })
  .groups[0].rules
const unitTests = globSync(fileURLToPath(new URL('rules/*.yml', import.meta.url)))

describe('the shipped configuration', () => {
  test('of Prometheus is valid', { skip }, async () => {
    const { stdout } = await run(promtool, ['check', 'config', path.join(shipped, 'prometheus/prometheus.yml')])
    assert.match(stdout, /SUCCESS/)
  })

  test('of Alertmanager is valid', { skip }, async () => {
    const { stdout } = await run(amtool, ['check-config', path.join(shipped, 'alertmanager/alertmanager.yml')])
    assert.match(stdout, /SUCCESS/)
  })

  test('has valid rules that pass their unit tests', { skip }, async () => {
    const files = globSync(path.join(shipped, 'prometheus/rules/*.yml'))
    await run(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', ...files])
    await run(promtool, ['test', 'rules', ...unitTests])
  })
})

describe('every alert', () => {
  const texts = unitTests.map(file => readFileSync(file, 'utf8')).join('\n')

  for (const { alert, expr, labels, annotations, for: wait } of alerts) {
    test(`${alert} says what happened, what to do and where to look, and has a unit test`, () => {
      assert.ok(texts.includes(`alertname="${alert}", alertstate="firing"`), 'a unit test sees it fire')
      assert.match(labels.severity ?? '', /^(critical|warning)$/)
      assert.equal(labels.integration, 'kki')
      for (const name of ['title', 'happened', 'action']) {
        for (const annotation of [name, `${name}_id`]) assert.match(annotations[annotation] ?? '', /\S/, annotation)
      }
      assert.equal(annotations.runbook, `docs/operate/runbook.md#${alert.toLowerCase()}`)
      const [file = '', anchor] = annotations.runbook.split('#')
      const headings = readFileSync(path.join(shipped, '..', file), 'utf8').matchAll(/^## (.+)$/gm)
      assert.ok([...headings].some(([, heading]) => heading?.toLowerCase() === anchor))
      assert.equal('batch_url' in annotations, expr.includes('troubled_batch'))
      // What waits for longer cannot be seen to fire end to end.
      assert.ok(wait === undefined || wait === '1m', wait)
    })
  }
})

test('no personal data and no text of KKI gets into a message: labels hold numbers and words of closed lists', () => {
  const closed = [
    ...['batch', 'fetched', 'created', 'linked', 'updated', 'unchanged', 'superseded', 'rejected', 'deactivated'],
    // Codes of ours; a profession's code is `[a-z][a-z0-9_]*` by the schema of the mapping.
    ...['kind', 'profession', 'reason', 'trace_id', 'work', 'peer'],
    // From the configuration of Prometheus.
    ...['service', 'odoo_url', 'grafana_url']
  ]
  const told = alerts.flatMap(({ annotations }) => Object.values(annotations)).join('\n')
  const named = [...told.matchAll(/\$(?:labels|externalLabels)\.(\w+)/g)].map(([, label]) => label as string)
  assert.ok(named.length > 20)
  assert.deepEqual(
    [...new Set(named)].filter(label => !closed.includes(label)),
    []
  )
})

test('every metric of trouble has an alert', () => {
  const rules = `${read('prometheus/rules/alerts.yml')}${read('prometheus/rules/state.yml')}`
  for (const metric of ['sdmk_jobs_failed_total', 'sdmk_odoo_failing_jobs', 'sdmk_insecure_connection']) {
    assert.ok(rules.includes(metric), metric)
  }
})
