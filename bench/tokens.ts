/**
 * Walks `--pages` pages (2,000 unless told otherwise) in four batches with three sidecar processes over one database and
 * one store, while tokens live `--lifetime` seconds (60). Prints how often a token came to its end and how often one was
 * asked for. Ends with 1 where a request was refused (a refresh token sent twice is), two tokens came for one end, or a
 * batch was not applied.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { followRun } from '../sidecar/cli/follow.ts'
import { createApiKey } from '../sidecar/platform/api-key.ts'
import { createDatabase } from '../sidecar/platform/database.ts'
import { startEmbeddedDatabase } from '../sidecar/platform/embedded-database.ts'
import { createLogger } from '../sidecar/platform/logger.ts'
import { migrate } from '../sidecar/platform/migrations.ts'
import { initIdentity } from '../sidecar/registry/identity.ts'
import { createFileSecretStore } from '../sidecar/secrets/file.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { judgeTokens } from './judge-tokens.ts'

const { values } = parseArgs({
  options: {
    pages: { type: 'string', default: '2000' },
    lifetime: { type: 'string', default: '60' },
    /** How long each page takes. */
    'page-ms': { type: 'string', default: '350' }
  }
})
const lifetimeSeconds = Number(values.lifetime)
const rowsPerPage = 10
/** Of the simulated people 71 % have one of these. */
const professions = ['nurse', 'midwife', 'doctor', 'professional_nurse']
const shareOfThese = 0.71
/** A token is renewed when a sixth of its life is left. */
const renewedAfter = 5 / 6
/** The simulator counts lifetimes in whole seconds, rounded down. */
const shortestLife = (lifetimeSeconds - 1) * renewedAfter

const sdmk = fileURLToPath(new URL('../sidecar/cli/sdmk.ts', import.meta.url))
const logger = createLogger('error')
const directory = await mkdtemp(path.join(tmpdir(), 'sdmk-tokens-'))
const embedded = await startEmbeddedDatabase({ directory, logger })
const children: ChildProcess[] = []
const simulator = await startSimulator({
  rows: Math.round((Number(values.pages) * rowsPerPage) / shareOfThese),
  tokenLifetimeSeconds: lifetimeSeconds
})
try {
  await migrate({ databaseUrl: embedded.url, logger })
  const secretsDir = path.join(directory, 'secrets')
  const secrets = createFileSecretStore(secretsDir)
  await initIdentity(secrets)
  await secrets.write('kki', { clientId: simulator.clientId, clientSecret: simulator.clientSecret })
  simulator.addFault({ kind: 'slow', on: 'list', ms: Number(values['page-ms']), times: 0 })
  const environment = {
    SDMK_DATABASE_URL: embedded.url,
    SDMK_SECRETS_DIR: secretsDir,
    SDMK_PORT: '0',
    KKI_BASE_URL: simulator.url,
    KKI_PAGE_SIZE: String(rowsPerPage)
  }
  // Four batches, and as many places for them in three processes: every replica fetches.
  const [url] = await Promise.all(['2', '1', '1'].map(SDMK_WORKERS => startReplica({ ...environment, SDMK_WORKERS })))
  const { pool } = createDatabase({ url: embedded.url, maxConnections: 2 }, logger)
  const { key } = await createApiKey(pool, 'bench', ['runs:write'])
  const started = performance.now()
  const response = await fetch(`${url}/v1/runs`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ mode: 'incremental', professions })
  })
  const { id } = (await response.json()) as { id: number }
  const { state } = await followRun(pool, id)
  await pool.end()
  const seconds = (performance.now() - started) / 1000

  const { pagesServed, requests, tokenRequests } = simulator.stats()
  const verdict = judgeTokens(tokenRequests)
  const refused = requests['GET /v1/tenaga-kesehatan']?.['401'] ?? 0
  console.log(
    `${pagesServed} pages in ${seconds.toFixed(0)} s, ${professions.length} batches, 3 replicas: run ${state}`
  )
  // By the clock alone, from the first token to the last page; a run ends a little after that one.
  const ends = Math.floor(seconds / (lifetimeSeconds * renewedAfter))
  console.log(`tokens of ${lifetimeSeconds} s came to their end ${ends} times; ${verdict.refreshes} refreshes`)
  console.log(
    `first token by client credentials: ${verdict.logins}; token requests refused (double uses): ${verdict.refused}`
  )
  console.log(`from one token to the next: ${verdict.shortestGap.toFixed(1)} to ${verdict.longestGap.toFixed(1)} s`)
  console.log(`pages asked for with a token that KKI no longer took: ${refused}`)
  const isGood =
    state === 'applied' &&
    verdict.logins === 1 &&
    verdict.refused === 0 &&
    verdict.shortestGap >= shortestLife &&
    Math.abs(verdict.refreshes - ends) <= 1
  if (!isGood) process.exitCode = 1
} finally {
  for (const child of children) child.kill('SIGTERM')
  await Promise.all(children.map(child => child.exitCode === null && once(child, 'exit')))
  await simulator.close()
  await embedded.stop()
  await rm(directory, { recursive: true, force: true })
}

/** Returns where the replica answers. */
async function startReplica(env: Record<string, string>): Promise<string> {
  const child = spawn(process.execPath, [sdmk, 'serve'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit']
  })
  children.push(child)
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.includes('the service is ready')) continue
    child.stdout.resume()
    return (JSON.parse(line) as { url: string }).url
  }
  throw new Error('a replica ended before it was ready')
}
