import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BatchBody } from '../../sidecar/api/schemas.ts'
import type { FaultSpec } from '../../simulator/faults.ts'
import { fault, startConnector } from './helpers.ts'

test('KKI behind a gateway with unusual tokens and page encodings is read completely', async t => {
  const { simulator, run } = await startConnector(t, { rows: 60, brokenShare: 0, env: { KKI_PAGE_SIZE: '7' } })
  await fault(simulator, {
    kind: 'token-answer',
    members: { expires_in: '3599', token_type: 'BearerToken', refresh_token: '' },
    times: 0
  })
  const codings: Pick<Extract<FaultSpec, { kind: 'coding' }>, 'declared' | 'applied'>[] = [
    { declared: '', applied: [] },
    { declared: 'UTF-8', applied: [] },
    { declared: 'deflate', applied: ['deflate'] },
    { declared: 'Deflate', applied: ['deflate-raw'] },
    { declared: 'br', applied: ['br'] },
    { declared: 'zstd', applied: ['zstd'] },
    { declared: 'identity, gzip', applied: ['gzip'] },
    { declared: 'br, gzip', applied: ['br', 'gzip'] }
  ]
  for (const coding of codings) await fault(simulator, { kind: 'coding', ...coding })
  await fault(simulator, { kind: 'expire-tokens', afterPages: 4 })

  const { state, batches } = await run({ mode: 'incremental' })

  assert.deepEqual([state, batches[0]?.ledger.fetched, batches[0]?.error], ['applied', 60, null])
  assert.deepEqual(
    simulator.stats().tokenRequests.map(({ grantType }) => grantType),
    ['client_credentials', 'client_credentials'],
    'without a refresh token the credentials are sent again'
  )
})

test('an error instead of the last page fails the batch, and the next run fetches its window', async t => {
  const { simulator, run, pool } = await startConnector(t, {
    rows: 20,
    brokenShare: 0,
    env: { KKI_PAGE_SIZE: '7', KKI_RETRIES: '1' }
  })
  await fault(simulator, { kind: 'error-page', members: { error: 'rows of Budi' }, afterPages: 2, times: 0 })

  const failed = await run({ mode: 'incremental' })

  assert.deepEqual([failed.state, failed.batches[0]?.error?.code], ['failed', 'KKI_CONTRACT'])
  assert.match(failed.batches[0]?.error?.detail ?? '', /reports an error at \/error after 2 attempts \(page 2\)$/)
  assert.equal((await pool.query('select from kki.watermark')).rowCount, 0)
  simulator.clearFaults()
  assert.equal((await run({ mode: 'incremental' })).batches[0]?.ledger.fetched, 20)
})

for (const { said, spec } of [
  { said: 'a redirect (302)', spec: { status: 302, location: 'https://login.example/' } },
  { said: 'status 403', spec: { status: 403 } },
  { said: 'status 404', spec: { status: 404 } }
]) {
  test(`a token endpoint that answers ${said} fails the batch with that status`, async t => {
    const { simulator, run } = await startConnector(t, { rows: 5, brokenShare: 0 })
    await fault(simulator, { kind: 'status', on: 'token', times: 0, ...spec })

    const { error } = (await run({ mode: 'incremental' })).batches[0] as BatchBody

    assert.equal(error?.code, 'KKI_DENIED')
    assert.equal(error?.detail, `KKI at ${simulator.url} answered the request for a token with ${said}`)
  })
}
