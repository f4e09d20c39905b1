import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { judgeTokens } from '../../bench/judge-tokens.ts'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { startVault, wholePolicy } from '../secrets/helpers/vault.ts'
import { type Connector, fault, startConnector, temporaryFolder } from './helpers.ts'

const lifetimeSeconds = 3
const professions = ['nurse', 'midwife', 'doctor', 'professional_nurse']

/** Three replicas over one database and one store, which share four batches of some 190 pages. */
async function startReplicas(
  t: TestContext,
  tokenLifetimeSeconds: number,
  more: Record<string, string> = {}
): Promise<Connector> {
  const env = { KKI_PAGE_SIZE: '15', SDMK_WORKERS: '2', ...more }
  const connector = await startConnector(t, { rows: 4000, brokenShare: 0, tokenLifetimeSeconds, env })
  await connector.addReplica({ SDMK_WORKERS: '1' })
  await connector.addReplica({ SDMK_WORKERS: '1' })
  return connector
}

function assertWhole({ batches }: RunBody): void {
  assert.deepEqual(
    batches.map(({ state, error }) => ({ state, error })),
    professions.map(() => ({ state: 'applied', error: null }))
  )
  // All that the simulator has of these.
  assert.equal(
    batches.reduce((sum, { ledger }) => sum + ledger.fetched, 0),
    2840
  )
}

test('three replicas with four batches renew each short token once, and spend no refresh token twice', async t => {
  const { simulator, run } = await startReplicas(t, lifetimeSeconds)
  await fault(simulator, { kind: 'slow', on: 'list', ms: 120, times: 0 })

  assertWhole(await run({ mode: 'incremental', professions }))

  const { logins, refreshes, refused, shortestGap } = judgeTokens(simulator.stats().tokenRequests)
  assert.deepEqual({ logins, refused }, { logins: 1, refused: 0 })
  assert.ok(refreshes >= 2, `${refreshes} refreshes are too few to show anything`)
  // A second refresh of the same token would come at once. The simulator counts lifetimes in whole seconds, rounded down.
  assert.ok(shortestGap > (lifetimeSeconds - 1) * (5 / 6), `two tokens within ${shortestGap} s`)
})

test('three replicas with four batches whose token KKI takes back renew it once, with the tokens in Vault', async t => {
  const vault = await startVault(t)
  const tokenFile = path.join(await temporaryFolder(t), 'token')
  await writeFile(tokenFile, vault.addToken({ policy: wholePolicy }))
  const login = { SDMK_VAULT_ADDR: vault.url, SDMK_VAULT_TOKEN_FILE: tokenFile }
  const { simulator, run } = await startReplicas(t, 3600, login)
  vault.put('sdmk/kki', { clientId: simulator.clientId, clientSecret: simulator.clientSecret })
  await fault(simulator, { kind: 'slow', on: 'list', ms: 20, times: 0 })
  await fault(simulator, { kind: 'expire-tokens', afterPages: 60 })

  assertWhole(await run({ mode: 'incremental', professions }))

  const { logins, refreshes, refused } = judgeTokens(simulator.stats().tokenRequests)
  assert.deepEqual({ logins, refreshes, refused }, { logins: 1, refreshes: 1, refused: 0 })
  // Made, taken out and made anew.
  assert.equal(vault.count('POST', 'secret/data/sdmk/kki-token'), 3)
  assert.ok((simulator.stats().requests['GET /v1/tenaga-kesehatan']?.['401'] ?? 0) >= 1)
})

test('a run whose tokens KKI refuses for good stops with TOKEN_REFRESH_FAILED, and nothing of it is applied', async t => {
  const { simulator, run, pool } = await startReplicas(t, 3600)
  await fault(simulator, { kind: 'expire-tokens', afterPages: 60, times: 0 })
  await fault(simulator, { kind: 'revoke-refresh', afterPages: 60 })
  await fault(simulator, { kind: 'refuse-client', afterPages: 60, times: 0 })

  const { batches } = await run({ mode: 'incremental', professions })

  // Batches that had ended before are applied; the longest one cannot be among them.
  const failed = batches.filter(({ state }) => state === 'failed')
  assert.ok(failed.length > 0)
  for (const { error } of failed) assert.equal(error?.code, 'TOKEN_REFRESH_FAILED')
  const { rows } = await pool.query('select from sdmk.registration where profession = any($1::text[]) limit 1', [
    failed.map(({ partition }) => partition)
  ])
  assert.equal(rows.length, 0)
})
