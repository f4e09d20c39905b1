import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { describe, type TestContext, test } from 'node:test'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { createApiKey, revokeApiKey } from '../../sidecar/platform/api-key.ts'
import { type Role, roles } from '../../sidecar/platform/roles.ts'
import { type Scope, scopes } from '../../sidecar/platform/scopes.ts'
import { signed } from '../helpers/operator.ts'
import { injectPatiently, patiently } from '../helpers/patiently.ts'
import { startConnector } from './helpers.ts'

/** The scope, or the scopes, of each route of the running service; `null`: the route answers everybody, and names no person. */
const needed: Record<string, Scope | Scope[] | null> = {
  'GET /livez': null,
  'GET /readyz': null,
  'GET /metrics': null,
  'GET /openapi.json': null,
  'GET /docs': null,
  'GET /docs/json': null,
  'GET /docs/yaml': null,
  'GET /docs/static/index.html': null,
  'GET /docs/static/swagger-initializer.js': null,
  'GET /docs/static/*': null,
  'POST /v1/runs': 'runs:write',
  'POST /v1/runs/file': 'runs:write',
  'GET /v1/runs': 'runs:read',
  'GET /v1/runs/:id': 'runs:read',
  'POST /v1/runs/:id/cancel': 'runs:write',
  'GET /v1/batches': 'runs:read',
  'GET /v1/batches/:id': 'runs:read',
  'GET /v1/batches/:id/rejections': 'registry:read',
  'GET /v1/batches/:id/changes': 'registry:read',
  'POST /v1/batches/:id/evidence': ['registry:read', 'audit:read'],
  'POST /v1/batches/:id/changes/search': 'registry:read',
  'POST /v1/batches/:id/changes/export': 'registry:read',
  'GET /v1/batches/:id/apply/preview': 'runs:read',
  'GET /v1/batches/:id/undo/preview': 'runs:read',
  'POST /v1/batches/:id/apply': 'runs:write',
  'POST /v1/batches/:id/discard': 'runs:write',
  'POST /v1/batches/:id/undo': 'runs:write',
  'GET /v1/rejections': 'registry:read',
  'GET /v1/rejections/:id': 'registry:read',
  'POST /v1/rejections/:id/retry': 'rejections:write',
  'POST /v1/rejections/retry': 'rejections:write',
  'POST /v1/rejections/:id/resolve': 'rejections:write',
  'POST /v1/rejections/:id/resolve/preview': 'registry:read',
  'POST /v1/rejections/:id/dismiss': 'rejections:write',
  'POST /v1/rejections/:id/reopen': 'rejections:write',
  'POST /v1/rejections/names': 'registry:read',
  'POST /v1/rejections/search': 'registry:read',
  'POST /v1/rejections/dismiss': 'rejections:write',
  'POST /v1/rejections/reprocess': 'rejections:write',
  'POST /v1/health-workers/search': 'registry:read',
  'POST /v1/health-workers/search-by-nik': 'registry:search-nik',
  'GET /v1/health-workers/:id': 'registry:read',
  'GET /v1/health-workers/:id/history': 'registry:read',
  'PATCH /v1/health-workers/:id': 'registry:write',
  'POST /v1/health-workers/:id/reveal': 'registry:reveal',
  'POST /v1/health-workers/:id/restrict': 'privacy:manage',
  'POST /v1/health-workers/:id/unrestrict': 'privacy:manage',
  'POST /v1/health-workers/:id/erase': 'privacy:manage',
  'POST /v1/person-reports': 'privacy:manage',
  'GET /v1/registrations/not-listed': 'registry:read',
  'GET /v1/audit-events': 'audit:read',
  'GET /v1/integrations/kki': 'runs:read',
  'GET /v1/integrations/kki/schedule': 'runs:read',
  'POST /v1/integrations/kki/check': 'settings:write',
  'PUT /v1/integrations/kki': 'settings:write',
  'GET /v1/doctor': 'settings:write',
  'PUT /v1/odoo/account': 'settings:write'
}

const reading: Scope[] = ['runs:read', 'registry:read', 'audit:read']
const deciding: Scope[] = [...reading, 'rejections:write', 'registry:reveal', 'registry:search-nik']
/** What an operator may use of what their program's key may: as the page for operators says. */
const mayUse: Record<Role, Scope[]> = {
  auditor: reading,
  verifier: deciding,
  administrator: [...deciding, 'runs:write', 'registry:write', 'settings:write'],
  data_protection_officer: ['privacy:manage']
}

/** Returns the app, and every route that was registered while it was built: also those that no document lists. */
async function startWithRoutes(t: TestContext) {
  const routes = new Set<string>()
  const watch = (message: unknown) => {
    const { fastify } = message as { fastify: FastifyInstance }
    fastify.addHook('onRoute', ({ method, url }) => {
      for (const one of [method].flat()) routes.add(`${one} ${url}`)
    })
  }
  subscribe('fastify.initialization', watch)
  try {
    const connector = await startConnector(t)
    return { ...connector, routes: [...routes].filter(isOfTheService) }
  } finally {
    unsubscribe('fastify.initialization', watch)
  }
}

/** The simulator is built in the same process; and a HEAD route comes with each GET route, hooks included. */
const isOfTheService = (route: string) => !/^HEAD | \/(_|oauth2|v1\/tenaga-kesehatan)/.test(route)

/** A request that no route accepts, so that no order is carried out: the body is not an object, and nobody has the id. */
function knock(route: string, key?: string, remoteAddress = '127.0.0.1'): InjectOptions {
  const [method, url = ''] = route.split(' ')
  const hasBody = method !== 'GET' && method !== 'HEAD'
  return {
    method: method as 'GET',
    url: url.replace(':id', '999999999').replace('*', 'x'),
    remoteAddress,
    headers: {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(hasBody && { 'content-type': 'application/json' })
    },
    ...(hasBody && { payload: '[]' })
  }
}

describe('the scopes of API keys', () => {
  test('each route of the running service accepts the scope of the table, and no other', async t => {
    const { app, pool, routes } = await startWithRoutes(t)
    assert.deepEqual(routes.toSorted(), Object.keys(needed).toSorted(), 'a route needs its line in the table')
    for (const scope of scopes) {
      const { key } = await createApiKey(pool, scope, [scope])
      for (const route of routes) {
        const wanted = needed[route]
        const { statusCode, body } = await injectPatiently(app, knock(route, key))
        const isAllowed = wanted === null || wanted === scope
        assert.equal(statusCode === 403, !isAllowed, `${route} with ${scope} answers ${statusCode} ${body}`)
        assert.notEqual(statusCode, 401, `${route} with ${scope}`)
      }
    }
  })

  test('an operator of each role has the rights of the table of roles, with a key that has every scope', async t => {
    const { app, pool } = await startWithRoutes(t)
    const { key } = await createApiKey(pool, 'odoo', [...scopes])
    for (const role of roles) {
      for (const [route, wanted] of Object.entries(needed)) {
        if (wanted === null) continue
        const request = knock(route)
        const { method, url, payload: body } = request as { method: string; url: string; payload?: string }
        // Each attempt is signed again: one that wrote something is carried out once.
        const { statusCode } = await patiently(
          async () => {
            const authorization = await signed({ key, role, method, url, ...(body && { body }) })
            return app.inject({ ...request, headers: { ...request.headers, ...authorization } })
          },
          ({ statusCode, headers }) => ({ status: statusCode, retryAfter: headers['retry-after'] })
        )
        assert.notEqual(statusCode, 401, `${route} as ${role}`)
        const isAllowed = [wanted].flat().every(scope => mayUse[role].includes(scope))
        assert.equal(statusCode === 403, !isAllowed, `${route} as ${role} answers ${statusCode}`)
      }
    }
  })

  test('all scopes together pass every route, and HEAD requires the scope of GET', async t => {
    const { app, pool } = await startWithRoutes(t)
    const { key } = await createApiKey(pool, 'all', [...scopes])
    for (const [route, wanted] of Object.entries(needed)) {
      assert.ok(![401, 403].includes((await injectPatiently(app, knock(route, key))).statusCode), route)
      if (!route.startsWith('GET') || wanted === null) continue
      const head = await injectPatiently(app, knock(route.replace('GET', 'HEAD'), undefined, '192.0.2.1'))
      assert.equal(head.statusCode, 401, route)
    }
  })

  test('without a key, and with a revoked one, every route with a scope answers 401', async t => {
    const { app, pool, routes } = await startWithRoutes(t)
    const { key } = await createApiKey(pool, 'former', [...scopes])
    await revokeApiKey(pool, 'former')
    for (const [index, route] of routes.entries()) {
      const expected = needed[route] === null
      for (const given of [undefined, key]) {
        const { statusCode, headers } = await injectPatiently(app, knock(route, given, `192.0.2.${index}`))
        assert.equal(statusCode !== 401, expected, `${route} answers ${statusCode}`)
        if (!expected) assert.equal(headers['www-authenticate'], 'Bearer', route)
      }
    }
  })

  test('routes without a key name no person', async t => {
    const { app, run, pool } = await startConnector(t, { rows: 30 })
    await run({ mode: 'full', professions: ['doctor'] })
    const { rows } = await pool.query<{ text: string }>(
      'select name as text from sdmk.health_worker union select str_number from sdmk.str_number'
    )
    assert.ok(rows.length > 0)
    for (const [route, wanted] of Object.entries(needed)) {
      if (wanted !== null) continue
      const { body } = await injectPatiently(app, knock(route))
      for (const { text } of rows) assert.ok(!body.includes(text), route)
    }
  })
})
