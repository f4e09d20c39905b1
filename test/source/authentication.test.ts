import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Authentication } from '../../sidecar/source/description.ts'
import { callContext } from './helpers/client.ts'
import { type Asked, type Reply, startDescribed } from './helpers/described.ts'

const page: Reply = { body: { data: [], meta: { kursor_berikutnya: null } } }
const oauth = {
  type: 'oauth2',
  path: '/token',
  credentialsIn: 'body',
  refreshToken: false
} as const satisfies Authentication
const session = {
  type: 'session',
  path: '/login',
  json: { user: '{username}', pass: '{password}', aplikasi: 'SDMK' },
  token: '/data/token',
  in: 'header',
  name: 'X-Session',
  prefix: 'Sesi '
} as const satisfies Authentication
const login = { username: 'sdmk', password: 'a "quoted" sandi' }

const isToken = ({ url }: Asked) => url.pathname === '/token' || url.pathname === '/login'

test('client credentials are sent as Basic, and parameters in the address, if the description says so', async t => {
  const authentication = {
    ...oauth,
    credentialsIn: 'basic',
    parametersIn: 'query',
    parameters: { scope: 'a b' }
  } as const
  const { client, store, asked } = await startDescribed(t, { authentication }, request =>
    isToken(request) ? { body: { access_token: 't', token_type: 'bearer', expires_in: 60 } } : page
  )
  store.content.set('kki', { clientId: 'id:1', clientSecret: 'p+ss' })

  await client.fetchPage({ limit: 1 }, callContext())

  const [token, list] = asked
  assert.equal(token?.url.search, '?grant_type=client_credentials&scope=a+b')
  assert.equal(token?.body, '')
  assert.equal(token?.headers.authorization, `Basic ${Buffer.from('id%3A1:p%2Bss').toString('base64')}`)
  assert.equal(list?.headers.authorization, 'Bearer t')
})

test('a token has the described lifetime if the answer has none, and always an end', async t => {
  for (const [answer, lifetimeSeconds, expected] of [
    [{}, 900, 900],
    [{ expires_in: '3599' }, 900, 3599],
    [{ expires_in: 10 ** 9 }, undefined, 86_400]
  ] as const) {
    const authentication = { ...oauth, ...(lifetimeSeconds !== undefined && { lifetimeSeconds }) }
    const { client, seen } = await startDescribed(t, { authentication }, request =>
      isToken(request) ? { body: { access_token: 't', token_type: 'Bearer', ...answer } } : page
    )
    const before = Math.floor(Date.now() / 1000)
    await client.fetchPage({ limit: 1 }, callContext())
    const [expires = 0] = seen.expires
    assert.ok(Math.abs(expires - before - expected) <= 2, `${expires - before} instead of ${expected}`)
  }
})

test('a lifetime that is not a number is an invalid answer, not a token without an end', async t => {
  for (const expires_in of ['soon', 'NaN', -1, 0, true, undefined]) {
    const { client } = await startDescribed(t, { authentication: oauth }, request =>
      isToken(request) ? { body: { access_token: 't', token_type: 'Bearer', expires_in } } : page
    )
    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'KKI_CONTRACT' })
  }
})

test('a refresh token is used only if the description says so', async t => {
  const { client, store } = await startDescribed(t, { authentication: oauth }, request =>
    isToken(request) ? { body: { access_token: 't', token_type: 'Bearer', expires_in: 60, refresh_token: 'r' } } : page
  )
  await client.fetchPage({ limit: 1 }, callContext())
  assert.equal(store.content.get('kki-token')?.refreshToken, undefined)
})

test('a login returns a token, which is sent in its own header until it is denied', async t => {
  let valid = 1
  const { client, store, asked } = await startDescribed(t, { authentication: session }, request => {
    if (isToken(request)) return { body: { data: { token: `s${valid}` } } }
    return request.headers['x-session'] === `Sesi s${valid}` ? page : { status: 401, body: {} }
  })
  store.content.set('kki', login)

  await client.fetchPage({ limit: 1 }, callContext())
  await client.fetchPage({ limit: 1 }, callContext())
  valid = 2
  await client.fetchPage({ limit: 1 }, callContext())

  const logins = asked.filter(isToken)
  assert.equal(logins.length, 2)
  assert.deepEqual(JSON.parse(logins[0]?.body ?? ''), { user: 'sdmk', pass: 'a "quoted" sandi', aplikasi: 'SDMK' })
  assert.equal(logins[0]?.headers['content-type'], 'application/json')
})

test('a login may be a form, and its token a parameter', async t => {
  const { json: _, prefix: __, ...others } = session
  const authentication = { ...others, form: { u: '{username}', p: '{password}' }, in: 'query', name: 'token' } as const
  const { client, store, asked } = await startDescribed(t, { authentication }, request =>
    isToken(request) ? { body: { data: { token: 's1' } } } : page
  )
  store.content.set('kki', { username: 'a&b', password: 'c=d' })

  await client.fetchPage({ limit: 1 }, callContext())

  assert.equal(asked[0]?.body, 'u=a%26b&p=c%3Dd')
  assert.equal(asked[1]?.url.searchParams.get('token'), 's1')
})

test('a login answer without a token is an error, and is not tried again', async t => {
  const { client, store, asked } = await startDescribed(
    t,
    { authentication: session },
    request => (isToken(request) ? { body: { status: 'gagal', data: null } } : page),
    { retries: 3, retryBaseMs: 1 }
  )
  store.content.set('kki', login)

  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
    code: 'TOKEN_REFRESH_FAILED',
    message: /denied the login \(200 without a token at \/data\/token\); check the secret "kki"/
  })
  assert.equal(asked.length, 1)
})

for (const [authentication, secret, header, value] of [
  [{ type: 'bearer' }, { token: 'abc' }, 'authorization', 'Bearer abc'],
  [{ type: 'api_key', in: 'header', name: 'X-Key' }, { apiKey: 'abc' }, 'x-key', 'abc'],
  [
    { type: 'api_key', in: 'header', name: 'Authorization', prefix: 'Token ' },
    { apiKey: 'abc' },
    'authorization',
    'Token abc'
  ],
  [{ type: 'basic' }, { username: 'sdmk', password: 'sandi' }, 'authorization', 'Basic c2RtazpzYW5kaQ==']
] as const satisfies [Authentication, Record<string, string>, string, string][]) {
  test(`credentials of the secret are sent as ${value}, and a changed secret is used once they are denied`, async t => {
    let isRefusing = false
    const { client, store, asked } = await startDescribed(t, { authentication }, ({ headers }) =>
      isRefusing && headers[header] === value ? { status: 401, body: {} } : page
    )
    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
      code: 'TOKEN_REFRESH_FAILED',
      message: new RegExp(`the secret "kki" lacks ${Object.keys(secret).join(' and ')}`)
    })
    store.content.set('kki', secret)
    await client.fetchPage({ limit: 1 }, callContext())
    assert.equal(asked.at(-1)?.headers[header], value)

    isRefusing = true
    await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), {
      code: 'TOKEN_REFRESH_FAILED',
      message: /denied the credentials; check the secret "kki"/
    })
    store.content.set('kki', Object.fromEntries(Object.entries(secret).map(([name, old]) => [name, `${old}2`])))
    await client.fetchPage({ limit: 1 }, callContext())
  })
}

test('an invalid key is not sent', async t => {
  const { client, store, asked } = await startDescribed(t, { authentication: { type: 'bearer' } }, () => page)
  store.content.set('kki', { token: 'a\r\nX-Other: b' })
  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'TOKEN_REFRESH_FAILED' })
  assert.equal(asked.length, 0)
})

test('a denial without authentication is final', async t => {
  const { client, asked } = await startDescribed(t, {}, () => ({ status: 401, body: {} }))
  await assert.rejects(client.fetchPage({ limit: 1 }, callContext()), { code: 'KKI_DENIED', status: 401 })
  assert.equal(asked.length, 1)
})
