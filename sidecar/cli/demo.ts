import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import closeWithGrace from 'close-with-grace'
import { Command } from 'commander'
import { renewApiKey } from '../api/api-keys.ts'
import { type Config, loadConfig } from '../config.ts'
import { ConfigurationError } from '../errors.ts'
import { initIdentity } from '../identity/keys.ts'
import { readRecords } from '../import/read-file.ts'
import { type Service, startService } from '../main.ts'
import { scopes } from '../platform/scopes.ts'
import { createFileSecretStore } from '../secrets/file.ts'
import { RunOpen } from '../sync/errors.ts'
import { asOwner } from './as-owner.ts'
import { commandCaller, errorLogger, print } from './command.ts'
import { countRegistry, DemoFailed, startDemoOdoo, untilOdooIsTold } from './demo-odoo.ts'
import { followRun } from './follow.ts'
import { runImport } from './import.ts'
import { loadOwnPeople, requireSimulator } from './simulator-code.ts'
import { renderSummary, summarize } from './summary.ts'
import { startRun } from './sync.ts'
import { mostSimulatedRows, wholeNumber } from './values.ts'

const sdmk = fileURLToPath(new URL('./sdmk.ts', import.meta.url))
/** A bound against hanging: a busy machine takes half a minute to start a process. */
const simulatorStartMs = 120_000

interface DemoOptions {
  rows: number
  own: number
  odoo?: boolean
  exit?: boolean
}

/** Returns `sdmk demo`: database, simulator and sidecar on this machine, and one full run through all of them. */
export function demoCommand(): Command {
  return new Command('demo')
    .description('start a database, a simulated KKI and the sidecar, run once, and stay up')
    .option('-r, --rows <rows>', 'records in the simulated KKI', wholeNumber(0, mostSimulatedRows), 50_000)
    .option('-o, --own <people>', 'people in SDMK before the run', wholeNumber(0, mostSimulatedRows), 20_000)
    .option('--odoo', 'also start an Odoo that mirrors the registry')
    .option('--exit', 'end after the run, with its summary as JSON on the last line')
    .action(async (options: DemoOptions) => {
      requireSimulator()
      const closers: (() => Promise<unknown>)[] = []
      const keep = <T>(opening: Promise<T>, close: (opened: T) => unknown): Promise<T> => {
        // If stopped while starting, wait for its end, so that nothing half started is left.
        closers.push(() => opening.then(close, () => undefined))
        return opening
      }
      const close = async () => {
        for (const closer of closers.splice(0).reverse()) await closer()
      }
      const stopping = new AbortController()
      if (!options.exit) {
        closeWithGrace({ delay: 60_000, logger: false }, async () => {
          stopping.abort()
          await close()
        })
      }
      try {
        await play(options, keep, stopping.signal)
        if (options.exit) await close()
      } catch (error) {
        // Stopped during the run: the queue resumes it at the next start.
        if (stopping.signal.aborted) return
        await close()
        throw error
      }
    })
}

type Keep = <T>(opening: Promise<T>, close: (opened: T) => unknown) => Promise<T>

async function play(options: DemoOptions, keep: Keep, signal: AbortSignal): Promise<void> {
  const simulator = await keep(startSimulatorProcess(options.rows), ({ stop }) => stop())
  const { dataDir, logLevel } = demoConfig(simulator.url)
  const odoo = options.odoo
    ? await keep(startDemoOdoo(dataDir, errorLogger({ logLevel })), ({ close }) => close())
    : null
  const config = demoConfig(simulator.url, odoo?.env)
  const secrets = createFileSecretStore(config.secretsDir)
  await initIdentity(secrets)
  await secrets.write('kki', { clientId: simulator.clientId, clientSecret: simulator.clientSecret })
  const service = await keep(startOnFreePort(config), async ({ close }) => {
    // Closed before the sidecar, which stops the database that both use.
    await odoo?.close()
    await close()
  })
  const { pool } = service.app.database
  await odoo?.connect(service)
  await importOwnPeople(service, config, options)
  const run = await runOnce(service, config, signal)
  if (odoo) await untilOdooIsTold(pool, signal)
  const shown = odoo && { registry: await countRegistry(pool), odoo: await odoo.count() }
  if (options.exit) {
    console.log(JSON.stringify({ ...summarize(run), ...shown }))
    return
  }
  await renderAddresses(service, config, simulator.url, odoo?.render())
}

/** The demo has its own folder, separate from a real installation, unless the environment sets one. */
function demoConfig(kkiUrl: string, env: Record<string, string> = {}): Config {
  const dataDir = process.env.SDMK_DATA_DIR ?? '.data'
  return loadConfig({
    // The invented credentials must not be stored in a real Vault.
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SDMK_VAULT_'))),
    ...env,
    KKI_BASE_URL: kkiUrl,
    SDMK_DATA_DIR: dataDir,
    SDMK_SECRETS_DIR: process.env.SDMK_SECRETS_DIR ?? path.join(dataDir, 'demo-secrets')
  })
}

async function startOnFreePort(config: Config): Promise<Service> {
  const logger = errorLogger(config)
  console.error(`Starting PostgreSQL under ${path.relative('.', config.dataDir) || '.'} and the sidecar …`)
  try {
    return await startService(config, { logger })
  } catch (error) {
    if (!(error instanceof ConfigurationError && error.variable === 'SDMK_PORT')) throw error
    return startService({ ...config, port: 0 }, { logger })
  }
}

/** Imports people that SDMK knew before KKI. The file stays next to the data, as an example of a ministry's file. */
async function importOwnPeople(service: Service, config: Config, { rows, own }: DemoOptions): Promise<void> {
  if (own === 0) return
  const file = path.join(config.dataDir, 'demo-own-people.jsonl')
  await mkdir(config.dataDir, { recursive: true })
  const { ownPeople } = await loadOwnPeople()
  const lines = Readable.from(ownPeople({ rows, count: own })).map(row => `${JSON.stringify(row)}\n`)
  await pipeline(lines, createWriteStream(file, { mode: 0o600 }))
  const run = await runImport(service, config, readRecords(file), { quiet: true })
  const { fetched, created, linked, updated, unchanged, rejected } = summarize(run)
  console.log(
    `SDMK's own people (${path.relative('.', file)}): ${fetched} imported; ${created} created, ${linked} linked, ${updated} updated, ${unchanged} unchanged, ${rejected} rejected`
  )
  if (run.state !== 'applied') process.exitCode = 1
}

async function runOnce(service: Service, config: Config, signal: AbortSignal) {
  const { pool } = service.app.database
  const runId = await startRun(service, config, { mode: 'full' }).catch(error => {
    // An earlier demo was killed in the middle of its run: the queue has resumed that run.
    if (error instanceof RunOpen) return error.runId
    throw error
  })
  const run = await followRun(pool, runId, { signal })
  print(false, null, ['', ...(await renderSummary(pool, run))])
  if (run.state !== 'applied') process.exitCode = 1
  return run
}

async function renderAddresses({ ownerUrl, url }: Service, config: Config, kkiUrl: string, odoo: string | undefined) {
  const { key } = await asOwner(ownerUrl, errorLogger(config), client =>
    renewApiKey(client, 'demo', scopes, commandCaller())
  )
  console.log(`
API docs   ${url}/docs
Metrics    ${url}/metrics
KKI        ${kkiUrl} (simulated)
API key    ${key}${odoo === undefined ? '' : `\n${odoo}`}

  curl -s -H 'authorization: Bearer ${key}' '${url}/v1/rejections?limit=3'

Ctrl-C ends the demo; its data stays.`)
}

interface SimulatorProcess {
  url: string
  clientId: string
  clientSecret: string
  stop(): void
}

/** A separate process, so that it does not use the sidecar's processor core. */
async function startSimulatorProcess(rows: number): Promise<SimulatorProcess> {
  const child = spawn(process.execPath, [sdmk, 'simulator', '--json', '--port', '0', '--rows', String(rows)], {
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const stop = () => void child.kill('SIGTERM')
  const lines = createInterface({ input: child.stdout })
  try {
    const [line] = await Promise.race([
      once(lines, 'line'),
      once(child, 'exit').then(([code]) => Promise.reject(new DemoFailed(`the simulated KKI ended with code ${code}`))),
      wait(simulatorStartMs, undefined, { ref: false }).then(() =>
        Promise.reject(new DemoFailed(`the simulated KKI did not start within ${simulatorStartMs / 1000} s`))
      )
    ])
    return { ...(JSON.parse(line as string) as Omit<SimulatorProcess, 'stop'>), stop }
  } catch (error) {
    stop()
    throw error
  } finally {
    lines.close()
    child.stdout.resume()
  }
}
