import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SecretStoreUnavailable } from '../../sidecar/platform/errors.ts'
import { SecretUnreadable, SecretUnwritable } from '../../sidecar/secrets/errors.ts'
import { TokenRefreshFailed } from '../../sidecar/source/errors.ts'
import { callContext, clientFor, createMutex, memoryStore, until } from './helpers/client.ts'
import { sendJson, startKki } from './helpers/fake-kki.ts'

const farFuture = '2999-01-01T00:00:00.000Z'
const grantTypes = (grants: URLSearchParams[]): Array<string | null> => grants.map(form => form.get('grant_type'))

test('uses the client credentials without a token, and stores the pair', async t => {
  const kki = await startKki(t)
  const { client, store, seen } = clientFor(t, kki)

  await client.fetchPage({ limit: 1 }, callContext())
  await client.fetchPage({ limit: 1 }, callContext())

  assert.equal(kki.grants.length, 1)
  assert.deepEqual(Object.fromEntries(kki.grants[0] ?? []), {
    grant_type: 'client_credentials',
    scope: 'nakes.read',
    client_id: 'sdmk',
    client_secret: 'not-a-secret'
  })
  const kept = store.content.get('kki-token')
  assert.deepEqual([kept?.accessToken, kept?.refreshToken, kept?.tokenType], ['t1', 'r1', 'Bearer'])
  assert.deepEqual(seen.refreshes, ['ok'])
  assert.equal(seen.expires[0], Math.floor(Date.parse(kept?.expiresAt ?? '') / 1000))
})

test('uses a stored token that is not about to expire', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  store.content.set('kki-token', { accessToken: 'kept', expiresAt: farFuture })
  kki.validToken = 'kept'

  await client.fetchPage({ limit: 1 }, callContext())

  assert.equal(kki.grants.length, 0)
})

test('refreshes a token that is about to expire before it is used', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  const soon = new Date(Date.now() + 30_000).toISOString()
  store.content.set('kki-token', { accessToken: 'old', refreshToken: 'r-old', expiresAt: soon })

  await client.fetchPage({ limit: 1 }, callContext())

  assert.deepEqual(grantTypes(kki.grants), ['refresh_token'])
  assert.equal(kki.grants[0]?.get('refresh_token'), 'r-old')
  assert.deepEqual(
    kki.list.map(({ token }) => token),
    ['t1']
  )
})

test('does not renew a short token for every page', async t => {
  const kki = await startKki(t)
  kki.answerToken = (_form, response) => kki.issue(response, 20)
  const { client } = clientFor(t, kki)

  for (let page = 0; page < 5; page++) await client.fetchPage({ limit: 1 }, callContext())

  assert.equal(kki.grants.length, 1)
})

test('refreshes once when KKI revokes the token under many concurrent pages', async t => {
  const kki = await startKki(t)
  const { client, seen } = clientFor(t, kki)
  await client.fetchPage({ limit: 1 }, callContext())
  kki.validToken = 'revoked meanwhile'

  await Promise.all(Array.from({ length: 20 }, () => client.fetchPage({ limit: 1 }, callContext())))

  assert.deepEqual(grantTypes(kki.grants), ['client_credentials', 'refresh_token'])
  assert.equal(kki.list.filter(({ token }) => token === 't2').length, 20)
  assert.equal(seen.retries, 0)
})

test('treats a second 401 as a denied token', async t => {
  const kki = await startKki(t)
  kki.answerList = (_request, response) => sendJson(response, 401, {})
  const { client } = clientFor(t, kki)

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'KKI_TOKEN_DENIED', status: 401 })

  assert.equal(kki.list.length, 2)
  assert.deepEqual(grantTypes(kki.grants), ['client_credentials', 'refresh_token'])
})

test('refreshes once more if the token of another process is denied too', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  await client.fetchPage({ limit: 1 }, callContext())
  store.content.set('kki-token', {
    accessToken: 'theirs',
    refreshToken: 'r-theirs',
    issuedAt: '2026-01-01T00:00:00.000Z',
    expiresAt: farFuture
  })
  kki.validToken = 'both were revoked'

  await client.fetchPage({ limit: 1 }, callContext())

  assert.deepEqual(
    kki.list.map(({ token }) => token),
    ['t1', 't1', 'theirs', 't2']
  )
  assert.equal(kki.grants.at(-1)?.get('refresh_token'), 'r-theirs')
})

test('uses the pair that another process stored during a refresh, and does not overwrite it', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  kki.answerToken = (_form, response) => {
    store.content.set('kki-token', { accessToken: 'theirs', refreshToken: 'r-theirs', expiresAt: farFuture })
    kki.issue(response)
    kki.validToken = 'theirs'
  }

  await client.fetchPage({ limit: 1 }, callContext())

  assert.deepEqual(
    kki.list.map(({ token }) => token),
    ['theirs']
  )
  assert.equal(store.content.get('kki-token')?.refreshToken, 'r-theirs')
  assert.equal(kki.grants.length, 1)
})

test('overwrites an unusable pair with its own, without another request to KKI', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  kki.answerToken = (_form, response) => {
    store.content.set('kki-token', { accessToken: 'theirs', expiresAt: '2020-01-01T00:00:00.000Z' })
    kki.issue(response)
  }

  await client.fetchPage({ limit: 1 }, callContext())

  assert.equal(store.content.get('kki-token')?.accessToken, 't1')
  assert.equal(kki.grants.length, 1)
})

test('fails with a retryable error while the secrets are unreachable, and does not count it for the breaker', async t => {
  const kki = await startKki(t)
  const secrets = {
    ...memoryStore(),
    readVersion: async () => {
      throw new SecretStoreUnavailable('SDMK_VAULT_ADDR: Vault at https://vault.example', 'is sealed (503)')
    }
  }
  const { client, seen } = clientFor(t, kki, { secrets })

  for (let page = 0; page < 8; page++) {
    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
      code: 'KKI_RETRY_LATER',
      retryAfterMs: 15_000,
      message: /Vault at https:\/\/vault\.example is sealed/
    })
  }

  assert.equal(client.breakerState, 0)
  assert.equal(seen.refreshes[0], 'failed')
  assert.equal(kki.grants.length, 0)
})

test('stops with TOKEN_REFRESH_FAILED if the secrets cannot be read, or a new pair cannot be stored', async t => {
  const kki = await startKki(t)
  const unreadable = async () => {
    throw new SecretUnreadable('kki-token', 'not allowed')
  }
  const unwritable = async () => {
    throw new SecretUnwritable('kki-token', 'the disk is full')
  }
  for (const broken of [{ readVersion: unreadable }, { replace: unwritable }]) {
    const { client } = clientFor(t, kki, { secrets: { ...memoryStore(), ...broken } })
    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'TOKEN_REFRESH_FAILED' })
  }
  assert.equal(kki.list.length, 0)
})

test('stores a new pair before its first use', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  const storedAtUse: Array<string | undefined> = []
  const answer = kki.answerList
  kki.answerList = (request, response) => {
    storedAtUse.push(store.content.get('kki-token')?.accessToken)
    return answer(request, response)
  }
  await client.fetchPage({ limit: 1 }, callContext())
  kki.validToken = 'revoked meanwhile'
  await client.fetchPage({ limit: 1 }, callContext())

  assert.deepEqual(storedAtUse, ['t1', 't1', 't2'])
})

test('two processes that share a store never send one refresh token twice', async t => {
  const kki = await startKki(t)
  const shared = { secrets: memoryStore(), withTokenLock: createMutex() }
  const { client: one } = clientFor(t, kki, shared)
  const { client: two } = clientFor(t, kki, shared)
  const both = (): Promise<unknown> =>
    Promise.all([one, two].map(client => client.fetchPage({ limit: 1 }, callContext())))
  await both()
  for (let round = 0; round < 5; round++) {
    kki.validToken = 'revoked meanwhile'
    await both()
  }

  const sent = kki.grants.flatMap(form => form.get('refresh_token') ?? [])
  assert.deepEqual(sent, ['r1', 'r2', 'r3', 'r4', 'r5'])
  assert.equal(kki.grants.length, 6)
})

test('falls back to the client credentials if the refresh is denied', async t => {
  const kki = await startKki(t)
  const { client, store, seen } = clientFor(t, kki)
  store.content.set('kki-token', { accessToken: 'old', refreshToken: 'revoked', expiresAt: '2020-01-01T00:00:00.000Z' })
  kki.answerToken = (form, response) => {
    if (form.get('grant_type') === 'refresh_token') sendJson(response, 400, { error: 'invalid_grant' })
    else kki.issue(response)
  }

  await client.fetchPage({ limit: 1 }, callContext())

  assert.deepEqual(grantTypes(kki.grants), ['refresh_token', 'client_credentials'])
  assert.deepEqual(seen.refreshes, ['denied', 'ok'])
  assert.equal(store.content.get('kki-token')?.refreshToken, 'r1')
})

test('does not send a refresh token again after a lost answer', async t => {
  const kki = await startKki(t)
  const { client, store, seen } = clientFor(t, kki)
  store.content.set('kki-token', { accessToken: 'old', refreshToken: 'maybe-spent', expiresAt: '2020-01-01T00:00:00Z' })
  kki.answerToken = (_form, response) => {
    if (kki.grants.length < 3) response.destroy()
    else kki.issue(response)
  }

  await client.fetchPage({ limit: 1 }, callContext())

  assert.deepEqual(grantTypes(kki.grants), ['refresh_token', 'client_credentials', 'client_credentials'])
  assert.deepEqual(seen.refreshes, ['failed', 'failed', 'ok'])
})

test('stops with TOKEN_REFRESH_FAILED if KKI denies the client credentials too', async t => {
  const kki = await startKki(t)
  const { client, store, seen } = clientFor(t, kki)
  store.content.set('kki-token', { accessToken: 'old', refreshToken: 'revoked', expiresAt: '2020-01-01T00:00:00.000Z' })
  kki.answerToken = (form, response) => {
    if (form.get('grant_type') === 'refresh_token') sendJson(response, 400, { error: 'invalid_grant' })
    else sendJson(response, 401, { error: 'invalid_client', error_description: 'not-a-secret is wrong' })
  }

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), error => {
    assert.ok(error instanceof TokenRefreshFailed)
    assert.deepEqual([error.code, error.status, error.retryable], ['TOKEN_REFRESH_FAILED', 401, false])
    assert.equal(
      error.message,
      `KKI at ${kki.url} denied the client credentials (401 invalid_client); check the secret "kki"`
    )
    return true
  })
  assert.equal(kki.grants.length, 2)
  assert.equal(kki.list.length, 0)
  assert.deepEqual(seen.refreshes, ['denied', 'denied'])
})

test('names the missing secret', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  store.content.delete('kki')

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'TOKEN_REFRESH_FAILED',
    message: 'the secret "kki" lacks clientId and clientSecret'
  })
})

test('reads rotated credentials without a restart', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  await client.fetchPage({ limit: 1 }, callContext())
  store.content.set('kki', { clientId: 'sdmk', clientSecret: 'rotated' })
  kki.validToken = 'revoked meanwhile'
  await client.fetchPage({ limit: 1 }, callContext())

  assert.deepEqual(
    kki.grants.map(form => form.get('client_secret')),
    ['not-a-secret', 'rotated']
  )
})

test('retries a failing token endpoint as it retries a page', async t => {
  const kki = await startKki(t)
  kki.answerToken = (_form, response) => sendJson(response, 503, {})
  const { client } = clientFor(t, kki)

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_UNAVAILABLE',
    status: 503,
    attempts: 4
  })

  assert.equal(kki.grants.length, 4)
})

test('waits no longer than allowed for a rate-limited token endpoint', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  store.content.set('kki-token', { accessToken: 'old', refreshToken: 'r-old', expiresAt: '2020-01-01T00:00:00.000Z' })
  kki.answerToken = (_form, response) => sendJson(response, 429, {}, { 'retry-after': '3600' })

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'KKI_RETRY_LATER',
    retryAfterMs: 3_600_000
  })

  assert.equal(kki.grants.length, 1)
})

for (const answer of [
  'no json',
  '{}',
  '{"access_token":"a b","token_type":"Bearer","expires_in":60}',
  ...['-60', '0', '0.5', '"0"', '"-60"', '""', '"soon"', '"1e3"', 'true', '1e999'].map(
    life => `{"access_token":"a","token_type":"Bearer","expires_in":${life}}`
  ),
  '{"access_token":"a","token_type":"Bearer","expires_in":"0x10"}',
  '{"access_token":"a","token_type":"mac","expires_in":60}'
]) {
  test(`rejects the token answer ${answer} as a contract violation`, async t => {
    const kki = await startKki(t)
    kki.answerToken = (_form, response) => void response.end(answer)
    const { client } = clientFor(t, kki, { retries: 0 })

    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'KKI_CONTRACT' })
  })
}

for (const [life, seconds] of [
  ['60', 60],
  ['59.9', 59],
  ['"3600"', 3600],
  ['"0060"', 60],
  // Longer ones are renewed after a day.
  ['86401', 86_400],
  ['1e300', 86_400],
  ['"3171015507900007"', 86_400]
] as const) {
  test(`keeps a token with expires_in ${life} for ${seconds} seconds`, async t => {
    const kki = await startKki(t)
    kki.validToken = 'a'
    kki.answerToken = (_form, response) =>
      void response.end(`{"access_token":"a","token_type":"Bearer","expires_in":${life}}`)
    const { client, store } = clientFor(t, kki)
    await client.fetchPage({ limit: 1 }, callContext())

    const { issuedAt = '', expiresAt = '' } = store.content.get('kki-token') ?? {}
    assert.equal(Date.parse(expiresAt) - Date.parse(issuedAt), seconds * 1000)
  })
}

for (const fields of [
  { expires_in: '3599' },
  { token_type: 'bearer' },
  { token_type: 'BEARER' },
  { token_type: 'BearerToken' },
  { token_type: 'bearertoken', expires_in: '0003599' },
  { refresh_token: undefined },
  { refresh_token: null },
  { refresh_token: '' }
]) {
  test(`accepts a token answer with ${JSON.stringify(fields)} from a gateway`, async t => {
    const kki = await startKki(t)
    let issued = 0
    kki.answerToken = (_form, response) => {
      kki.validToken = `t${++issued}`
      const answer = { access_token: kki.validToken, token_type: 'Bearer', expires_in: 3599, refresh_token: 'r' }
      sendJson(response, 200, { ...answer, ...fields })
    }
    const { client, store, seen } = clientFor(t, kki, { retries: 0 })

    await client.fetchPage({ limit: 1 }, callContext())
    kki.validToken = 'revoked meanwhile'
    await client.fetchPage({ limit: 1 }, callContext())

    const hasRefresh = !('refresh_token' in fields)
    assert.equal(store.content.get('kki-token')?.refreshToken, hasRefresh ? 'r' : undefined)
    assert.deepEqual(grantTypes(kki.grants), [
      'client_credentials',
      hasRefresh ? 'refresh_token' : 'client_credentials'
    ])
    assert.ok(Math.abs((seen.expires[0] ?? 0) - Date.now() / 1000 - 3599) < 60)
  })
}

test('treats an empty stored refresh token as none', async t => {
  const kki = await startKki(t)
  const { client, store } = clientFor(t, kki)
  store.content.set('kki-token', { accessToken: 'old', refreshToken: '', expiresAt: '2020-01-01T00:00:00.000Z' })

  await client.fetchPage({ limit: 1 }, callContext())

  assert.deepEqual(grantTypes(kki.grants), ['client_credentials'])
})

for (const [status, body, said] of [
  [301, {}, 'a redirect (301)'],
  [302, { location: 'https://login.example' }, 'a redirect (302)'],
  [403, {}, 'status 403'],
  [404, { message: 'no Route matched' }, 'status 404'],
  [400, { error: 'invalid_scope' }, 'status 400 invalid_scope'],
  [400, { error: 'unsupported_grant_type' }, 'status 400 unsupported_grant_type']
] as const) {
  test(`reports a token endpoint that answers ${said} with that status, and blames no secret`, async t => {
    const kki = await startKki(t)
    kki.answerToken = (_form, response) => sendJson(response, status, body, { location: `${kki.url}/elsewhere` })
    const { client } = clientFor(t, kki)
    const refusal = {
      code: 'KKI_DENIED',
      status,
      message: `KKI at ${kki.url} answered the request for a token with ${said}`
    }

    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), refusal)
    await assert.rejects(client.fetchByStr('EQ00001234567890', callContext()), refusal)
    assert.equal(kki.list.length, 0)
  })
}

test('a caller that aborts does not end the renewal for others', async t => {
  const kki = await startKki(t)
  const { client } = clientFor(t, kki)
  let release = (): void => {}
  kki.answerToken = (_form, response) => {
    release = () => kki.issue(response)
  }
  const leaving = new AbortController()
  const left = client.fetchPage({ limit: 1 }, callContext(leaving.signal))
  left.catch(() => {})
  const staying = client.fetchPage({ limit: 1 }, callContext())
  await until(() => kki.grants.length === 1)
  leaving.abort(new Error('gone'))
  await assert.rejects(left, { message: 'gone' })
  release()

  assert.deepEqual([...(await staying).rows], [])
  assert.equal(kki.grants.length, 1)
})

test('logs neither tokens nor credentials', async t => {
  const kki = await startKki(t)
  const { client, seen } = clientFor(t, kki)
  await client.fetchPage({ limit: 1 }, callContext())
  kki.validToken = 'revoked meanwhile'
  await client.fetchPage({ limit: 1 }, callContext())

  assert.equal(seen.logs.length, 2)
  assert.doesNotMatch(JSON.stringify(seen.logs), /not-a-secret|"[tr]\d"/)
})
