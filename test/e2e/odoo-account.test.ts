import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { injectPatiently } from '../helpers/patiently.ts'
import { startConnector } from './helpers.ts'

const account = { login: 'sdmk-sidecar', apiKey: '0123456789abcdef0123456789abcdef01234567' }
const env = { SDMK_ODOO_URL: 'http://127.0.0.1:9', SDMK_ODOO_DATABASE: 'odoo' }

describe('the account for Odoo', () => {
  test('is kept as a secret, and the audit names the sender without the key', async t => {
    const { call, pool, secretsDir } = await startConnector(t, { env })
    const { status, body } = await call('PUT', '/v1/odoo/account', account)
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body as object).sort(), ['login', 'storedAt'])
    assert.deepEqual(await createFileSecretStore(secretsDir).read('odoo'), account)
    const { rows } = await pool.query(
      `select actor, detail, to_jsonb(e)::text as text from kki.audit_event e where action = 'odoo.account_stored'`
    )
    assert.equal(rows.length, 1)
    assert.deepEqual(rows[0].detail, { login: account.login })
    assert.ok(!rows[0].text.includes(account.apiKey))
  })

  test('is denied with the invalid field, and the key is never repeated', async t => {
    const { app, call, pool, secretsDir } = await startConnector(t, { env })
    for (const [body, field] of [
      [{ login: account.login }, '/body/apiKey'],
      [{ ...account, login: '' }, '/body/login'],
      [{ ...account, apiKey: `${account.apiKey} ${account.apiKey}` }, '/body/apiKey'],
      [{ ...account, url: 'http://elsewhere.example' }, '/body/url']
    ] as const) {
      const answer = await call('PUT', '/v1/odoo/account', body)
      assert.equal(answer.status, 400)
      assert.equal((answer.body as { errors: { field: string }[] }).errors[0]?.field, field)
      assert.ok(!JSON.stringify(answer.body).includes(account.apiKey))
    }
    const { key } = await createApiKey(pool, 'operator', ['runs:write'])
    const headers = { authorization: `Bearer ${key}` }
    const refused = await injectPatiently(app, { method: 'PUT', url: '/v1/odoo/account', headers, payload: account })
    assert.equal(refused.statusCode, 403)
    assert.equal(await createFileSecretStore(secretsDir).read('odoo'), null)
  })

  test('is denied if the service has no address of Odoo', async t => {
    const { call, secretsDir } = await startConnector(t)
    const { status, body } = await call('PUT', '/v1/odoo/account', account)
    assert.equal(status, 409)
    assert.equal((body as { code: string }).code, 'ODOO_NOT_CONFIGURED')
    assert.equal(await createFileSecretStore(secretsDir).read('odoo'), null)
  })
})
