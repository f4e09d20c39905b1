import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, requestToken } from './client.ts'

const LIST = '/v1/tenaga-kesehatan'

test('client credentials give a token pair of the stated lifetime', async t => {
  const { simulator, token, get } = await connect(t, { tokenLifetimeSeconds: 90 })
  assert.equal(token.status, 200)
  assert.equal(token.expires_in, 90)
  assert.equal((await get(LIST)).status, 200)
  assert.deepEqual(simulator.stats().tokens, { client_credentials: 1, refresh_token: 0 })
})

test('without a live token the answer is 401 with its challenge', async t => {
  const { get } = await connect(t)
  for (const authorization of ['', 'Bearer wrong', 'Basic abc']) {
    const response = await get(LIST, { authorization })
    assert.equal(response.status, 401)
    assert.equal(response.headers.get('www-authenticate'), 'Bearer error="invalid_token"')
    assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
  }
})

test('a refresh token works once; using it again revokes the whole family', async t => {
  const { simulator, token, get } = await connect(t)
  const refresh = (refresh_token: string) => requestToken(simulator, { grant_type: 'refresh_token', refresh_token })
  const second = await refresh(token.refresh_token)
  assert.equal(second.status, 200)
  assert.notEqual(second.refresh_token, token.refresh_token)
  const bearer = { authorization: `Bearer ${second.access_token}` }
  assert.equal((await get(LIST, bearer)).status, 200)
  const reused = await refresh(token.refresh_token)
  assert.deepEqual([reused.status, reused.error], [400, 'invalid_grant'])
  assert.equal((await refresh(second.refresh_token)).error, 'invalid_grant')
  assert.equal((await get(LIST, bearer)).status, 401)
})

test('at most one of two simultaneous uses of a refresh token gets a pair', async t => {
  const { simulator, token } = await connect(t)
  const form = { grant_type: 'refresh_token', refresh_token: token.refresh_token }
  const replies = await Promise.all([requestToken(simulator, form), requestToken(simulator, form)])
  assert.ok(replies.filter(({ status }) => status === 200).length <= 1)
})

test('reuse in one family does not affect another', async t => {
  const { simulator, token, get } = await connect(t)
  const other = await requestToken(simulator, { grant_type: 'client_credentials' })
  const form = { grant_type: 'refresh_token', refresh_token: other.refresh_token }
  await requestToken(simulator, form)
  await requestToken(simulator, form)
  assert.equal((await get(LIST, { authorization: `Bearer ${token.access_token}` })).status, 200)
})

test('wrong credentials, grants and scopes are denied as RFC 6749 says', async t => {
  const { simulator } = await connect(t)
  const refusals = [
    [{ grant_type: 'client_credentials', client_secret: 'wrong' }, 401, 'invalid_client'],
    [{ grant_type: 'client_credentials', client_id: 'nobody' }, 401, 'invalid_client'],
    [{ grant_type: 'client_credentials', scope: 'everything' }, 400, 'invalid_scope'],
    [{ grant_type: 'password' }, 400, 'unsupported_grant_type'],
    [{ grant_type: 'refresh_token', refresh_token: 'unknown' }, 400, 'invalid_grant'],
    [{}, 400, 'invalid_request']
  ] as const
  for (const [form, status, error] of refusals) {
    const reply = await requestToken(simulator, form)
    assert.deepEqual([reply.status, reply.error], [status, error])
  }
})

test('an access token ends with its lifetime', async t => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() })
  const { get } = await connect(t, { tokenLifetimeSeconds: 60 })
  t.mock.timers.tick(59_000)
  assert.equal((await get(LIST)).status, 200)
  t.mock.timers.tick(2_000)
  assert.equal((await get(LIST)).status, 401)
})
