import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, beforeEach, describe, type TestContext, test } from 'node:test'
import OdooAwait from 'odoo-await'
import type pg from 'pg'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { type Role, roles } from '../../sidecar/platform/roles.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { signed } from '../helpers/operator.ts'
import { type Operations, startOperations } from './helpers/operators.ts'
import { type OdooProxy, startProxy } from './helpers/proxy.ts'
import type { Shown } from './helpers/screens.ts'
import { storyNik, tellStory } from './helpers/story.ts'

const { odoo, skip } = await odooOrReason()
const database = 'sdmk_odoo_attacks'

/** Everybody who can sign in to Odoo, by login. */
const everybody = {
  auditor: 'agus',
  verifier: 'dewi',
  administrator: 'rina',
  withoutRole: 'tamu',
  portal: 'luar',
  service: 'sdmk-sidecar'
} as const
type Who = keyof typeof everybody

/** What comes for an id: each is one of JSON's kinds, and none is an id. */
const noIds = [
  '../runs/3/cancel?x=',
  '1/../../runs/3/cancel',
  '..',
  '%2e%2e/runs/3/cancel',
  '1\r\nX-Actor: root',
  '1',
  '',
  0,
  -1,
  1.5,
  2_147_483_647,
  9_007_199_254_740_991,
  true,
  null,
  [1],
  { id: 1 }
]

/** The methods that call the sidecar about a record, with what else they take. */
const methods: Record<string, Record<string, unknown[]>> = {
  'sdmk.rejection': {
    action_retry: [],
    action_reprocess: [],
    action_dismiss: [],
    get_detail: [],
    get_names: [],
    dismiss: ['x'],
    reopen: [],
    resolve: ['new']
  },
  'sdmk.batch': {
    action_apply: [],
    action_discard: [],
    action_undo: [],
    action_cancel: [],
    decide: ['undo', 'an attack'],
    get_changes: [],
    export_changes: [],
    get_preview: ['undo'],
    take_evidence: ['needed', 'en']
  },
  'sdmk.integration': {
    action_switch_on: [],
    action_switch_off: [],
    action_test_connection: [],
    action_check_installation: []
  },
  'sdmk.sync.wizard': { action_start: [] },
  'sdmk.health.worker.edit': { action_save: [] }
}

/** Calls a method as a user: resolves to its answer, or rejects with Odoo's error. */
type Call = (model: string, method: string, args: unknown[], kwargs?: object) => Promise<unknown>

describe('attacks through Odoo', { skip, timeout: 900_000 }, () => {
  let operations: Operations
  let shown: Shown
  /** A proxy between Odoo and the sidecar: it sees all requests of Odoo. */
  let between: OdooProxy
  let theirs: pg.Pool['query']
  let password: string
  const hooks: (() => unknown)[] = []
  const clients = new Map<string, Call>()

  before(async () => {
    if (!odoo) return
    const t = { after: (hook: () => unknown) => void hooks.push(hook) } as unknown as TestContext
    operations = await startOperations(t, odoo, { database })
    shown = await tellStory(operations)
    const { port } = operations.connector.app.server.address() as AddressInfo
    between = await startProxy(`http://127.0.0.1:${port}`)
    hooks.push(() => between.close())
    theirs = operations.connector.pool.query.bind(operations.connector.pool) as pg.Pool['query']
    password = operations.password
    const { lines } = await odoo.shell(
      database,
      `
for login, group in (('tamu', 'base.group_user'), ('luar', 'base.group_portal')):
    env['res.users'].create({'name': login, 'login': login, 'password': '${password}', 'group_ids': [(6, 0, [env.ref(group).id])]})
env.ref('sdmk_integration_manager.user_sdmk_service').password = '${password}'
env['sdmk.sidecar']._connect('${between.url}', '${operations.key}')
env.cr.commit()
print('READY')
`
    )
    assert.ok(lines.includes('READY'), lines.slice(-20).join('\n'))
  })
  after(async () => {
    for (const hook of hooks) await hook()
    await odoo?.close()
  })
  beforeEach(() => {
    between?.calls.splice(0)
  })

  /** Signs a user in, over XML-RPC or like the web client. */
  async function as(who: Who, way: 'xmlrpc' | 'web' = 'web'): Promise<Call> {
    const known = clients.get(`${who} ${way}`)
    if (known) return known
    const call = way === 'web' ? await webClient(everybody[who]) : await xmlRpcClient(everybody[who])
    clients.set(`${who} ${way}`, call)
    return call
  }

  async function webClient(login: string): Promise<Call> {
    const post = async (path: string, params: object, cookie?: string) => {
      const response = await fetch(new URL(path, operations.odooUrl), {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(cookie && { cookie }) },
        body: JSON.stringify({ jsonrpc: '2.0', method: 'call', params })
      })
      const { result, error } = (await response.json()) as { result?: unknown; error?: { data: { name: string } } }
      if (error) throw new Error(error.data.name)
      return { result, cookie: /session_id=[^;]+/.exec(response.headers.get('set-cookie') ?? '')?.[0] }
    }
    const { cookie } = await post('/web/session/authenticate', { db: database, login, password })
    assert.ok(cookie)
    return async (model, method, args, kwargs = {}) =>
      (await post(`/web/dataset/call_kw/${model}/${method}`, { model, method, args, kwargs }, cookie)).result
  }

  async function xmlRpcClient(login: string): Promise<Call> {
    const { origin, port } = new URL(operations.odooUrl)
    const client = new OdooAwait({ baseUrl: origin, port: Number(port), db: database, username: login, password })
    await client.connect()
    return async (model, method, args, kwargs = {}) => client.execute_kw(model, method, [args, kwargs])
  }

  /** Returns the parts of the sidecar's database that orders can change. */
  async function state() {
    const { rows } = await theirs(
      `select (select jsonb_agg(to_jsonb(r) order by id) from kki.run r) as runs,
        (select jsonb_agg(to_jsonb(b) order by id) from kki.batch b) as batches,
        (select jsonb_agg(to_jsonb(d) order by id) from kki.rejection d) as rejections,
        (select jsonb_agg(to_jsonb(s)) from kki.setting s) as settings,
        (select count(*) from sdmk.health_worker) as people,
        (select count(*) from kki.audit_event where action <> 'access.denied') as events`
    )
    return rows[0]
  }

  for (const way of ['web', 'xmlrpc'] as const) {
    test(`an invalid id reaches no address of the sidecar, over ${way}`, { skip }, async () => {
      const before = await state()
      for (const who of Object.keys(everybody) as Who[]) {
        const call = await as(who, way)
        for (const [model, calls] of Object.entries(methods)) {
          for (const [method, more] of Object.entries(calls)) {
            for (const id of noIds) {
              // XML-RPC has no null, and no integers above 31 bits.
              if (way === 'xmlrpc' && (id === null || id === 9_007_199_254_740_991)) continue
              // What Odoo's own rules deny everybody without a role it denies for one as for all.
              if (!roles.includes(who as Role) && id !== noIds[0]) continue
              await assert.rejects(
                call(model, method, [[id], ...more]),
                `${who} ${model}.${method} ${JSON.stringify(id)}`
              )
            }
          }
        }
      }
      assert.deepEqual(
        between.calls.map(({ method, path }) => `${method} ${path}`),
        []
      )
      assert.deepEqual(await state(), before)
    })
  }

  test('other arguments of a method change no address', { skip }, async () => {
    const verifier = await as('verifier')
    const before = await state()
    for (const given of [...noIds, '../runs/1/cancel', { batchId: '../x', rowNo: 1 }]) {
      await verifier('sdmk.rejection', 'resolve', [[shown.rejection], given]).catch(() => {})
      await verifier('sdmk.rejection', 'resolve', [[shown.rejection], 99_999_999, given]).catch(() => {})
      await verifier('sdmk.batch', 'get_changes', [[shown.heldBatch], given, given]).catch(() => {})
      await verifier('sdmk.batch', 'get_preview', [[shown.heldBatch], given]).catch(() => {})
    }
    const paths = new Set(
      between.calls.map(({ method, path }) => `${method} ${path.replace(/after=-?\d+/, 'after=N')}`)
    )
    assert.deepEqual([...paths].sort(), [
      `GET /v1/batches/${shown.heldBatch}/changes?limit=50&after=N`,
      `POST /v1/rejections/${shown.rejection}/resolve`
    ])
    assert.deepEqual(await state(), before)
  })

  test('a user without a role gets nothing, whichever method is called', { skip }, async () => {
    for (const who of ['withoutRole', 'portal', 'service'] as const) {
      const call = await as(who)
      for (const [model, method, args] of [
        ['sdmk.dashboard', 'get_sidecar', []],
        ['sdmk.dashboard', 'get_figures', []],
        ['sdmk.rejection', 'get_detail', [[shown.rejection]]],
        ['sdmk.rejection', 'resolve', [[shown.rejection], 'new']],
        ['sdmk.rejection', 'get_names', [[shown.rejection]]],
        ['sdmk.rejection', 'dismiss_by_rule', [[], 'x']],
        ['sdmk.batch', 'get_changes', [[shown.heldBatch]]],
        ['sdmk.batch', 'export_changes', [[shown.heldBatch]]],
        ['sdmk.batch', 'get_preview', [[shown.heldBatch], 'apply']],
        ['sdmk.batch', 'take_evidence', [[shown.heldBatch], 'needed', 'en']],
        ['sdmk.audit.event', 'get_events', []],
        ['sdmk.audit.event', 'find', ['1']],
        ['sdmk.batch', 'decide', [[shown.heldBatch], 'undo', 'an attack']],
        ['sdmk.integration', 'action_renew_key', [[1]]],
        ['sdmk.sidecar', '_call', ['GET', '/v1/runs']],
        ['sdmk.sidecar', '_sign', ['k', 'administrator', 'GET', '/v1/runs', '']],
        ['sdmk.sidecar', '_connect', ['https://elsewhere.invalid']],
        ['sdmk.sync.wizard', 'create', [{}]]
      ] as [string, string, unknown[]][]) {
        await assert.rejects(call(model, method, args), `${who} ${model}.${method}`)
      }
    }
    assert.deepEqual(between.calls, [])
  })

  test('the sidecar enforces the role too, for a caller who bypasses Odoo', { skip }, async () => {
    const { app } = operations.connector
    const orders = {
      verifier: [`/v1/rejections/${shown.rejection}/dismiss`, `/v1/health-workers/${shown.worker}/reveal`],
      administrator: [`/v1/batches/${shown.heldBatch}/discard`, '/v1/runs/1/cancel', '/v1/runs']
    }
    const before = await state()
    for (const [least, urls] of Object.entries(orders) as [Role, string[]][]) {
      for (const role of roles.slice(0, roles.indexOf(least))) {
        for (const url of urls) {
          const body = '{"reason":"an attack"}'
          const headers = await signed({ key: operations.key, role, method: 'POST', url, body })
          const answer = await app.inject({
            method: 'POST',
            url,
            headers: { ...headers, 'content-type': 'application/json' },
            payload: body
          })
          assert.equal(answer.statusCode, 403, `${role} ${url}`)
        }
      }
    }
    assert.deepEqual(await state(), before)
  })

  test('the key is never sent, and a signature is valid only for its own request', { skip }, async () => {
    const verifier = await as('verifier')
    await verifier('sdmk.rejection', 'resolve', [[shown.rejection], 99_999_999]).catch(() => {})
    await verifier('sdmk.rejection', 'get_detail', [[shown.rejection]])
    const [written] = between.calls
    assert.ok(written)
    for (const { headers, body } of between.calls) {
      assert.ok(!`${JSON.stringify(headers)} ${body}`.includes(operations.key))
    }
    const { app } = operations.connector
    const { authorization = '' } = written.headers
    const replay = (url: string, headers: object, payload: string) =>
      app.inject({
        method: 'POST',
        url,
        headers: { authorization, 'content-type': 'application/json', ...headers },
        payload
      })
    const reveal = `/v1/health-workers/${shown.worker}/reveal`
    for (const answer of [
      await replay(written.path, {}, String(written.body)),
      await replay(reveal, {}, '{"reason":"an attack"}'),
      await replay(reveal, { 'x-actor': 'rina' }, '{"reason":"an attack"}'),
      await replay(written.path, {}, '{"healthWorkerId":"new"}')
    ]) {
      assert.equal(answer.statusCode, 401)
      assert.ok(!answer.body.includes(storyNik))
    }
  })

  test('the audit records who acted, and in which role', { skip }, async () => {
    const call = await as('administrator')
    const id = (await call('sdmk.integration', 'search', [[]])) as number[]
    await call('sdmk.integration', 'action_switch_off', [id])
    await call('sdmk.integration', 'action_switch_on', [id])
    const { rows } = await theirs(
      `select actor, detail ->> 'role' as role from kki.audit_event where action like 'setting%' or action like 'integration%'
      order by id desc limit 1`
    )
    assert.deepEqual(rows, [{ actor: 'rina', role: 'administrator' }])
  })

  test('an administrator without system rights cannot redirect the sidecar’s requests', { skip }, async t => {
    const seen: string[] = []
    const evil = createServer((request, response) => {
      seen.push(JSON.stringify(request.headers))
      response.end('{}')
    })
    await new Promise<void>(resolve => evil.listen(0, '127.0.0.1', resolve))
    t.after(() => evil.close())
    const url = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`
    for (const who of Object.keys(everybody) as Who[]) {
      const call = await as(who)
      const ids = [1]
      const parameter = { key: 'sdmk.sidecar.url', value: url }
      const attacks: [string, string, unknown[], object?][] = [
        ['sdmk.integration', 'write', [ids, { sidecar_url: url }]],
        ['sdmk.integration', 'write', [ids, { sidecar_url: url, sidecar_key: operations.key }]],
        ['sdmk.integration', 'web_save', [ids, { sidecar_url: url }, {}]],
        ['sdmk.integration', 'web_save', [[], { name: 'x', code: 'x', sidecar_url: url }, {}]],
        ['sdmk.integration', 'create', [[{ name: 'x', code: 'x', sidecar_url: url }]]],
        ['sdmk.integration', 'copy', [ids, { code: 'x', sidecar_url: url }]],
        ['sdmk.integration', 'name_create', ['x'], { context: { default_sidecar_url: url, default_code: 'x' } }],
        ['ir.config_parameter', 'set_param', ['sdmk.sidecar.url', url]],
        ['ir.config_parameter', 'set_param', ['sdmk.sidecar.allowed_urls', url]],
        ['ir.config_parameter', 'create', [[parameter]]],
        ['ir.config_parameter', 'load', [['key', 'value'], [['sdmk.sidecar.url', url]]]]
      ]
      for (const [model, method, args, kwargs] of attacks) {
        const answer = await call(model, method, args, kwargs).catch((error: Error) => error)
        const isDenied = answer instanceof Error || (answer as { ids?: unknown }).ids === false
        assert.ok(isDenied, `${who} ${model}.${method} ${JSON.stringify(args)}: ${JSON.stringify(answer)}`)
      }
      // Into an open form, and out again: nothing is stored.
      await call('sdmk.integration', 'onchange', [ids, { sidecar_url: url }, ['sidecar_url'], {}]).catch(() => {})
      await call('sdmk.integration', 'load', [['name', 'code', 'sidecar_url'], [['x', 'x', url]]]).catch(() => {})
      await call('sdmk.integration', 'action_test_connection', [ids]).catch(() => {})
      await call('sdmk.integration', 'action_renew_key', [ids]).catch(() => {})
    }
    assert.deepEqual(seen, [])
    assert.ok(between.calls.length > 0, 'the administrator’s own tests went where they always went')
  })

  test('no user can read the key', { skip }, async () => {
    for (const who of Object.keys(everybody) as Who[]) {
      const call = await as(who)
      const ids = [1]
      const like = operations.key.slice(0, 8)
      const attacks: [string, string, unknown[], object?][] = [
        ['sdmk.integration', 'read', [ids]],
        ['sdmk.integration', 'read', [ids, ['sidecar_key']]],
        ['sdmk.integration', 'web_read', [ids, { sidecar_key: {}, sidecar_url: {} }]],
        ['sdmk.integration', 'export_data', [ids, ['sidecar_key']]],
        ['sdmk.integration', 'default_get', [['sidecar_key']]],
        ['sdmk.integration', 'onchange', [ids, {}, ['sidecar_url'], { sidecar_key: {}, sidecar_url: {} }]],
        ['sdmk.integration', 'search_read', [[], ['sidecar_key']]],
        ['sdmk.integration', 'search_count', [[['sidecar_key', '=like', `${like}%`]]]],
        ['sdmk.integration', 'search_count', [[['sidecar_key', '=', operations.key]]]],
        ['sdmk.integration', 'formatted_read_group', [[], ['sidecar_key'], ['__count']]],
        ['sdmk.integration', 'name_search', [like]],
        ['ir.config_parameter', 'get_param', ['sdmk.sidecar.key']],
        ['ir.config_parameter', 'search_read', [[], ['key', 'value']]],
        ['ir.config_parameter', 'search_count', [[['value', '=like', `${like}%`]]]],
        ['sdmk.rejection', 'search_count', [[['create_uid.company_id.name', '=like', like]]]]
      ]
      for (const [model, method, args, kwargs] of attacks) {
        const answer = await call(model, method, args, kwargs).catch(() => null)
        assert.ok(!JSON.stringify(answer).includes(operations.key), `${who} ${model}.${method}`)
        if (method === 'search_count') assert.ok(answer === null || answer === 0, `${who} ${model}.${method} counts`)
      }
    }
  })

  test('no user can forge data of the sidecar', { skip }, async () => {
    const forged = {
      'sdmk.integration': { is_active: false, changed_by: 'nobody', version: 99, code: 'x', name: 'x' },
      'sdmk.code': { meaning: 'x' },
      'sdmk.profession': { name: 'x' },
      'sdmk.audit.head': { seq: 9 },
      'sdmk.batch': { state: 'applied' },
      'sdmk.rejection': { state: 'resolved' },
      'sdmk.health.worker': { name: 'x' },
      'sdmk.registration': { status: 'active' }
    }
    const read = () =>
      Promise.all(
        Object.keys(forged).map(model =>
          as('auditor').then(call => call(model, 'search_read', [[]], { order: 'id', limit: 100 }))
        )
      )
    const before = await read()
    for (const who of Object.keys(everybody) as Who[]) {
      for (const way of ['web', 'xmlrpc'] as const) {
        const call = await as(who, way)
        for (const [model, values] of Object.entries(forged)) {
          const [id] = ((await (await as('auditor'))(model, 'search', [[]], { limit: 1 })) as number[]) ?? []
          for (const [name, value] of Object.entries(values)) {
            const vals = { [name]: value }
            const told = { context: { sdmk_told: model } }
            const more = [
              ['web_save', [[id], vals, {}]],
              ['copy', [[id], vals]],
              ['unlink', [[id]]],
              ['update_field_translations', [[id], name, { en_US: 'x' }]]
            ] as [string, unknown[], object?][]
            for (const [method, args, kwargs] of [
              ['write', [[id], vals], told],
              ['create', [[{ name: 'x', code: 'y', ...vals }]], told],
              // Both ways end in the same methods; the web client has more of them.
              ...(way === 'web' ? more : [])
            ] as [string, unknown[], object?][]) {
              await assert.rejects(call(model, method, args, kwargs), `${who} ${way} ${model}.${method} ${name}`)
            }
            await call(model, 'load', [['id', name], [['sdmk.x', String(value)]]]).catch(() => {})
          }
        }
        const command = [0, 0, { code: 'x', name: 'x' }]
        await assert.rejects(call('sdmk.integration', 'write', [[1], { profession_ids: [command] }]), who)
      }
    }
    const afterwards = await read()
    // The sidecar's own events go on, and Odoo notes new heads meanwhile.
    const heads = Object.keys(forged).indexOf('sdmk.audit.head')
    afterwards[heads] = (afterwards[heads] as unknown[]).slice(0, (before[heads] as unknown[]).length)
    assert.deepEqual(afterwards, before)
  })

  test('a request without a signature acts as the key, and names no operator', { skip }, async () => {
    const { app, pool } = operations.connector
    const { key } = await createApiKey(pool, 'program', ['runs:write', 'runs:read'])
    const start = (headers: object) =>
      app.inject({
        method: 'POST',
        url: '/v1/runs',
        headers: { authorization: `Bearer ${key}`, ...headers },
        payload: {}
      })
    assert.equal((await start({ 'x-actor': 'rina' })).statusCode, 403)
    const answer = await start({})
    assert.equal(answer.statusCode, 202)
    const { actor, triggeredBy } = answer.json()
    assert.deepEqual([actor, triggeredBy], ['program', 'api'])
  })
})
