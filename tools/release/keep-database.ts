/**
 * Keeps a small database of this version with invented people, for the test that upgrades it to later versions.
 *
 *   node tools/release/keep-database.ts 1.2.0
 *
 * Until a version is released, a change of its migrations needs its database to be made again.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { serviceRole } from '../../sidecar/platform/embedded-database.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { runSdmk } from '../../test/e2e/process.ts'
import { silent, startServer } from '../../test/helpers/server.ts'
import { writeKeys } from '../../test/releases/keys.ts'
import { installCluster } from '../ha/install.ts'

const run = promisify(execFile)
const limitMs = 300_000

const [version] = process.argv.slice(2)
if (!/^\d+\.\d+\.\d+$/.test(version ?? '')) throw new Error('usage: node tools/release/keep-database.ts 1.2.0')
const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-release-'))
/** The simulated KKI ends today: its first day is yesterday. */
const behindSeconds = 90_000

const simulator = await startSimulator({ rows: 300, seed: 7, brokenShare: 0.1, behindSeconds })
const server = await startServer(path.join(directory, 'postgres'))
try {
  await migrate({ databaseUrl: server.url, grantTo: serviceRole, logger: silent })
  const secretsDir = path.join(directory, 'secrets')
  const secrets = createFileSecretStore(secretsDir)
  await writeKeys(secrets)
  await secrets.write('kki', simulator.secret)
  const env = {
    SDMK_DATABASE_URL: server.serviceUrl,
    SDMK_SECRETS_DIR: secretsDir,
    SDMK_BATCH_ROWS: '100',
    KKI_BASE_URL: simulator.url,
    KKI_SETTLE: '0',
    KKI_CLOCK_TOLERANCE: String(behindSeconds + 3600)
  }
  await command(env, 'sync', '--mode', 'full')
  simulator.newDay(0.1)
  await command(env, 'sync')
  const text = await dump(server.url)
  const file = fileURLToPath(new URL(`../../test/releases/${version}.sql.gz`, import.meta.url))
  const packed = gzipSync(text, { level: 9 })
  await writeFile(file, packed)
  console.log(`${file}: ${packed.length} bytes`)
} finally {
  await server.stop()
  await simulator.close()
  await rm(directory, { recursive: true, force: true })
}

async function command(env: Record<string, string>, ...args: string[]): Promise<void> {
  const { code, stderr } = await runSdmk(args, env)
  if (code !== 0) throw new Error(`sdmk ${args.join(' ')} ended with ${code}: ${stderr}`)
}

/** Statements that any client can run: psql's own commands are left out. */
async function dump(url: string): Promise<string> {
  const { postgres, env } = await installCluster()
  const args = ['--inserts', '--rows-per-insert=500', '--no-owner', url]
  const { stdout } = await run(path.join(postgres, 'pg_dump'), args, { env, timeout: limitMs, maxBuffer: 2 ** 28 })
  return stdout
    .split('\n')
    .filter(line => !line.startsWith('\\'))
    .join('\n')
}
