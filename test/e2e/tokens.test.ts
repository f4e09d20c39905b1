import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { evaluateTokens } from '../../bench/evaluate-tokens.ts'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { startVault, wholePolicy } from '../secrets/helpers/vault.ts'
import { type Connector, fault, startConnector, temporaryFolder } from './helpers.ts'

const lifetimeSeconds = 3
const professions = ['nurse', 'midwife', 'doctor', 'professional_nurse']

/** Three replicas over one database and one store, which share three runs of some 190 pages each. */
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

/** Runs of all modes at once: each walks all that the simulator has of these professions. */
async function runAll({ run }: Connector): Promise<RunBody[]> {
  const window = { changedSince: '2000-01-01T00:00:00Z', changedUntil: new Date(Date.now() + 86_400_000).toISOString() }
  return Promise.all([
    run({ mode: 'incremental', professions }),
    run({ mode: 'full', professions }),
    run({ mode: 'window', professions, ...window })
  ])
}

function assertWhole(runs: RunBody[]): void {
  for (const { mode, batches } of runs) {
    assert.deepEqual(
      batches.map(({ state, error }) => ({ state, error })),
      professions.map(() => ({ state: 'applied', error: null })),
      mode
    )
    assert.equal(
      batches.reduce((sum, { ledger }) => sum + ledger.fetched, 0),
      2840,
      mode
    )
  }
}

test('three replicas with three runs renew each short token once, and spend no refresh token twice', async t => {
  const connector = await startReplicas(t, lifetimeSeconds)
  const { simulator } = connector
  await fault(simulator, { kind: 'slow', on: 'list', ms: 60, times: 0 })

  assertWhole(await runAll(connector))

  const { logins, refreshes, refused, shortestGap } = evaluateTokens(simulator.stats().tokenRequests)
  assert.deepEqual({ logins, refused }, { logins: 1, refused: 0 })
  assert.ok(refreshes >= 2, `${refreshes} refreshes are too few to show anything`)
  // A second refresh of the same token would come at once. The simulator counts lifetimes in whole seconds, rounded down.
  assert.ok(shortestGap > (lifetimeSeconds - 1) * (5 / 6), `two tokens within ${shortestGap} s`)
})

test('three replicas with three runs whose token KKI revokes renew it once, with the tokens in Vault', async t => {
  const vault = await startVault(t)
  const tokenFile = path.join(await temporaryFolder(t), 'token')
  await writeFile(tokenFile, vault.addToken({ policy: wholePolicy }))
  const login = { SDMK_VAULT_ADDR: vault.url, SDMK_VAULT_TOKEN_FILE: tokenFile }
  const connector = await startReplicas(t, 3600, login)
  const { simulator } = connector
  vault.put('sdmk/kki', { clientId: simulator.clientId, clientSecret: simulator.clientSecret })
  await fault(simulator, { kind: 'slow', on: 'list', ms: 20, times: 0 })
  await fault(simulator, { kind: 'expire-tokens', afterPages: 60 })

  assertWhole(await runAll(connector))

  const { logins, refreshes, refused } = evaluateTokens(simulator.stats().tokenRequests)
  assert.deepEqual({ logins, refreshes, refused }, { logins: 1, refreshes: 1, refused: 0 })
  // Created, removed and created again.
  assert.equal(vault.count('POST', 'secret/data/sdmk/kki-token'), 3)
  assert.ok((simulator.stats().requests['GET /v1/tenaga-kesehatan']?.['401'] ?? 0) >= 1)
})

test('a run whose tokens KKI denies permanently stops with TOKEN_REFRESH_FAILED, and nothing of the batch is applied', async t => {
  const connector = await startReplicas(t, 3600)
  const { simulator, pool } = connector
  await fault(simulator, { kind: 'expire-tokens', afterPages: 60, times: 0 })
  await fault(simulator, { kind: 'revoke-refresh', afterPages: 60 })
  await fault(simulator, { kind: 'refuse-client', afterPages: 60, times: 0 })

  const runs = await runAll(connector)

  // No run is over by then. Professions that a run had walked before are applied.
  const applied = new Set<string>()
  for (const { batches } of runs) {
    const last = batches.at(-1)
    assert.deepEqual([last?.state, last?.error?.code], ['failed', 'TOKEN_REFRESH_FAILED'])
    for (const { state, profession } of batches) if (state === 'applied') applied.add(profession ?? '')
  }
  const { rows } = await pool.query(
    'select profession from sdmk.registration where profession <> all ($1::text[]) limit 1',
    [[...applied]]
  )
  assert.deepEqual(rows, [])
})
