import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { transports } from '../../sidecar/odoo/create-transport.ts'
import { OdooDenied, OdooUnavailable } from '../../sidecar/odoo/errors.ts'
import type { OdooCall, OdooConnection } from '../../sidecar/odoo/transport.ts'
import type { Odoo } from '../../tools/odoo/server.ts'
import { odooOrReason } from '../helpers/odoo.ts'
import { tableOf } from './helpers/tables.ts'

const database = 'sdmk_odoo_transport'
const { odoo, skip } = await odooOrReason()
after(() => odoo?.close())

const worker = (id: number, version = 1, name = 'Siti Rekaan') => ({ id, version, name })
const never = new AbortController().signal
const sync = (rows: ReturnType<typeof worker>[], given: Partial<OdooCall> = {}): OdooCall => ({
  model: 'sdmk.health.worker',
  method: 'sync_health_workers',
  payload: JSON.stringify({ health_workers: tableOf(rows) }),
  requestId: 'test-1',
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
  signal: never,
  ...given
})

for (const [name, create] of Object.entries(transports)) {
  describe(`the transport ${name}`, () => {
    let connection: OdooConnection
    before(async () => {
      if (odoo) connection = await serviceAccount(odoo)
    })

    test('sends rows, and Odoo stores the newer ones', { skip }, async t => {
      const transport = create(connection)
      t.after(() => transport.close())
      const first = name === 'xmlrpc' ? 100 : 200
      const rows = [worker(first), worker(first + 1, 1, 'Nur’aini <&> "Ö" \\N\t\u{1f642}')]
      assert.deepEqual(await transport.call(sync(rows)), { health_workers: 2, registrations: 0 })
      assert.deepEqual(await transport.call(sync(rows)), { health_workers: 0, registrations: 0 })
      const [one, two] = await Promise.all([
        transport.call(sync([worker(first, 3)])),
        transport.call(sync([worker(first, 2)]))
      ])
      const stored = [one, two].map(answer => (answer as { health_workers: number }).health_workers)
      assert.ok(stored[0] === 1, 'the newest version wins, whichever call was first')
    })

    test('distinguishes a denial from a failure, and never repeats the message', { skip }, async t => {
      const transport = create(connection)
      t.after(() => transport.close())
      for (const call of [
        sync([], { payload: 'Siti Rahasia' }),
        sync([], { model: 'sdmk.registration' }),
        sync([], { model: 'sdmk.no.such.model' }),
        sync([], { method: '_receive' })
      ]) {
        await assert.rejects(transport.call(call), error => {
          assert.ok(error instanceof OdooDenied, String(error))
          assert.ok(!error.message.includes('Rahasia'))
          return true
        })
      }
    })

    test('is denied with a wrong key', { skip }, async t => {
      const transport = create({ ...connection, apiKey: 'wrong' })
      t.after(() => transport.close())
      await assert.rejects(transport.call(sync([])), OdooDenied)
    })

    test('fails with a retryable error without an answer in time, and ends on an abort', { skip }, async t => {
      const silent = await listen(t, () => {})
      const gone = create({ ...connection, baseUrl: 'http://127.0.0.1:9', timeoutMs: 1000 })
      const slow = create({ ...connection, baseUrl: silent, timeoutMs: 200 })
      const told = create({ ...connection, baseUrl: silent, timeoutMs: 60_000 })
      t.after(async () => Promise.all([gone, slow, told].map(transport => transport.close())))
      await assert.rejects(gone.call(sync([])), OdooUnavailable)
      await assert.rejects(slow.call(sync([])), /within 200 ms/)
      const leaving = new AbortController()
      setTimeout(() => leaving.abort(new Error('the process stops')), 50)
      await assert.rejects(told.call(sync([], { signal: leaving.signal })), /the process stops/)
    })

    test('sends the request id and the trace id', { skip }, async t => {
      const seen: unknown[] = []
      const url = await listen(t, (request, response) => {
        seen.push(request.headers['x-request-id'], request.headers.traceparent)
        response.writeHead(500).end()
      })
      const transport = create({ ...connection, baseUrl: url })
      t.after(() => transport.close())
      await assert.rejects(transport.call(sync([])), OdooUnavailable)
      assert.deepEqual(seen, ['test-1', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`])
    })
  })
}

let account: Promise<OdooConnection> | undefined

/** Installs the addon once and makes the sidecar's user with a key. */
function serviceAccount(server: Odoo): Promise<OdooConnection> {
  account ??= (async () => {
    const installed = await server.run(database, 'server', ['-i', 'sdmk_core'])
    assert.equal(installed.code, 0, installed.lines.slice(-20).join('\n'))
    const { lines } = await server.shell(
      database,
      `user = env['res.users'].create({'name': 'Sidecar', 'login': 'sidecar', 'group_ids': [(6, 0, [env.ref('sdmk_core.group_sdmk_service').id])]})
print('KEY', env['res.users.apikeys'].with_user(user).sudo()._generate('rpc', 'sidecar', None))
env.cr.commit()
`
    )
    const apiKey = lines.find(line => line.startsWith('KEY '))?.slice(4) ?? ''
    assert.match(apiKey, /^[0-9a-f]{40}$/, lines.join('\n'))
    return { baseUrl: await server.serve(database), database, login: 'sidecar', apiKey, timeoutMs: 30_000 }
  })()
  return account
}

async function listen(
  t: { after(hook: () => unknown): void },
  handler: Parameters<typeof createServer>[1]
): Promise<string> {
  const server: Server = createServer(handler as never)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
