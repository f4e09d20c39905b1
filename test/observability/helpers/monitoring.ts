import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parse, stringify } from 'yaml'
import { freePort } from '../../../tools/odoo/ports.ts'
import type { PrometheusPrograms } from '../../../tools/prometheus/install.ts'
import { temporaryFolder } from '../../e2e/helpers.ts'
import { until } from '../../e2e/process.ts'

export const shipped = fileURLToPath(new URL('../../../observability/', import.meta.url))

/** A result of Prometheus's API. */
export interface Series {
  metric: Record<string, string>
  values: [time: number, value: string][]
}

export interface Monitoring {
  /** Returns the answer of a query over the last minutes, at a step of a second. */
  queryRange(query: string, seconds: number): Promise<Series[]>
  query(query: string): Promise<{ metric: Record<string, string>; value: [number, string] }[]>
}

export interface MonitoringOptions {
  programs: PrometheusPrograms
  /** Where each service answers, by its name in the shipped configuration: `host:port`. */
  services: Record<string, string>
  /** Where Slack would be. */
  webhook: string
}

/**
 * Starts a Prometheus and an Alertmanager as they are shipped: the rules are the shipped files, and the configurations differ
 * in addresses, in how often is looked, and in how long messages wait. Ended with the test.
 */
export async function startMonitoring(t: TestContext, options: MonitoringOptions): Promise<Monitoring> {
  const { programs, services, webhook } = options
  const folder = await temporaryFolder(t)
  const [prometheusPort, alertmanagerPort] = [await freePort(), await freePort()]
  const at = (port: number) => `127.0.0.1:${port}`

  const alertmanager = await readShipped('alertmanager/alertmanager.yml')
  await writeFile(path.join(folder, 'webhook'), webhook)
  alertmanager.receivers[0].slack_configs[0].api_url_file = path.join(folder, 'webhook')
  for (const route of [alertmanager.route, ...alertmanager.route.routes]) {
    Object.assign(route, { group_wait: '0s', group_interval: '1s' })
  }
  await writeFile(path.join(folder, 'alertmanager.yml'), stringify(alertmanager))

  const prometheus = await readShipped('prometheus/prometheus.yml')
  Object.assign(prometheus.global, { scrape_interval: '1s', evaluation_interval: '1s' })
  prometheus.rule_files = prometheus.rule_files.map((file: string) => path.join(shipped, 'prometheus', file))
  prometheus.alerting.alertmanagers[0].static_configs[0].targets = [at(alertmanagerPort)]
  for (const target of prometheus.scrape_configs[0].static_configs) target.targets = [services[target.labels.service]]
  await writeFile(path.join(folder, 'prometheus.yml'), stringify(prometheus))

  start(t, programs.alertmanager, [
    `--config.file=${path.join(folder, 'alertmanager.yml')}`,
    `--storage.path=${path.join(folder, 'alertmanager')}`,
    `--web.listen-address=${at(alertmanagerPort)}`,
    `--web.external-url=http://${at(alertmanagerPort)}`,
    '--cluster.listen-address='
  ])
  start(t, programs.prometheus, [
    `--config.file=${path.join(folder, 'prometheus.yml')}`,
    `--storage.tsdb.path=${path.join(folder, 'prometheus')}`,
    `--web.listen-address=${at(prometheusPort)}`,
    `--web.external-url=http://${at(prometheusPort)}`
  ])
  for (const port of [alertmanagerPort, prometheusPort]) {
    await until(`port ${port} is ready`, () => isReady(`http://${at(port)}/-/ready`))
  }

  const ask = async (endpoint: string, parameters: Record<string, string>) => {
    const response = await fetch(`http://${at(prometheusPort)}/api/v1/${endpoint}?${new URLSearchParams(parameters)}`)
    const body = (await response.json()) as { status: string; error?: string; data: { result: never[] } }
    if (body.status !== 'success') throw new Error(`${parameters.query}: ${body.error}`)
    return body.data.result
  }
  return {
    query: query => ask('query', { query }),
    queryRange(query, seconds) {
      const now = Date.now() / 1000
      return ask('query_range', { query, start: String(now - seconds), end: String(now), step: '1' })
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: configuration of other programs, changed in a few places
async function readShipped(file: string): Promise<any> {
  return parse(await readFile(path.join(shipped, file), 'utf8'))
}

async function isReady(url: string): Promise<boolean> {
  return fetch(url).then(
    ({ ok }) => ok,
    () => false
  )
}

function start(t: TestContext, file: string, args: string[]): ChildProcess {
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', chunk => {
    log += chunk
  })
  const exited = once(child, 'exit')
  let isWanted = true
  child.once('exit', () => {
    if (isWanted) t.diagnostic(`${path.basename(file)} ended unexpectedly: ${log.slice(-2000)}`)
  })
  t.after(async () => {
    isWanted = false
    child.kill('SIGTERM')
    await exited
  })
  return child
}
