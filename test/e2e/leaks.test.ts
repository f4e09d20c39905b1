import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { temporaryFolder } from './helpers.ts'
import { runFile } from './process.ts'

const child = fileURLToPath(new URL('./leaks-child.ts', import.meta.url))
/** `TEST_LEAK_RUNS` makes it longer. */
const runs = Number(process.env.TEST_LEAK_RUNS ?? 200)
/** The first runs load code and fill caches. */
const warmShare = 0.3
const growthLimitMb = 4

test(`memory does not grow over ${runs} runs in one process, and nothing is left after its close`, {
  timeout: 1_200_000
}, async t => {
  const { url, pool } = await createTestDatabase(t)
  const simulator = await startSimulator({ rows: 300 })
  t.after(() => simulator.close())
  const folder = await temporaryFolder(t)
  const secrets = createFileSecretStore(folder)
  await initIdentity(secrets)
  await secrets.write('kki', { clientId: simulator.clientId, clientSecret: simulator.clientSecret })
  const { key } = await createApiKey(pool, 'leaks', ['runs:read', 'runs:write'])
  const { code, stdout, stderr } = await runFile(
    child,
    [],
    {
      NODE_OPTIONS: '--expose-gc',
      TEST_RUNS: String(runs),
      TEST_API_KEY: key,
      SDMK_DATABASE_URL: url,
      SDMK_SECRETS_DIR: folder,
      SDMK_RATE_LIMIT: '1000000',
      KKI_BASE_URL: simulator.url,
      KKI_SETTLE: '0'
    },
    600_000
  )
  assert.equal(code, 0, stderr)
  const { heapMb, left, timers } = JSON.parse(stdout.trim().split('\n').at(-1) as string) as {
    heapMb: number[]
    left: string[]
    timers: number
  }
  const warm = heapMb.slice(Math.floor(heapMb.length * warmShare))
  const third = Math.floor(warm.length / 3)
  const growth = median(warm.slice(-third)) - median(warm.slice(0, third))
  t.diagnostic(`heap after warming up ${warm[0]?.toFixed(1)} MB, at the end ${warm.at(-1)?.toFixed(1)} MB`)
  assert.ok(growth < growthLimitMb, `grew by ${growth.toFixed(1)} MB: ${heapMb.map(mb => mb.toFixed(1)).join(' ')}`)
  assert.deepEqual(left, [])
  assert.equal(timers, 0)
  const { rows } = await pool.query(
    `select count(*) as n from pg_stat_activity where datname = current_database() and application_name like 'sdmk fetch%'`
  )
  assert.equal(rows[0]?.n, 0, 'no connection is left')
})

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
