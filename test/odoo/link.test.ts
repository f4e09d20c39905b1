import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type pino from 'pino'
import { OdooDenied, OdooUnavailable } from '../../sidecar/odoo/errors.ts'
import { type CallResult, createOdooLink, type Delivery } from '../../sidecar/odoo/link.ts'
import type { Payload } from '../../sidecar/odoo/payloads.ts'
import { createLogger } from '../../sidecar/platform/logger.ts'
import { until } from '../e2e/process.ts'

const rows: Payload = {
  model: 'sdmk.health.worker',
  method: 'sync_health_workers',
  payload: JSON.stringify({ health_workers: [{ id: 1, version: 1, name: 'Siti Rahasia' }] }),
  rows: 1
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void
const stores: Answer = (_, response) => response.end('{"health_workers": 1}')
const fails: Answer = (_, response) => response.writeHead(503).end()

/** A link to a local server that speaks JSON-2, and all that either of them did. */
async function setUp(t: TestContext, { answer = stores, secret = true, retryMaxSeconds = 1 } = {}) {
  const odoo = { answer, requests: 0 }
  const server = createServer((request, response) => {
    odoo.requests++
    request.resume().on('end', () => odoo.answer(request, response))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const stored: { account: Record<string, string> | null } = {
    account: secret ? { login: 'sdmk-sidecar', apiKey: 'key-1' } : null
  }
  const calls: CallResult[] = []
  let log = ''
  const logger = createLogger('debug', { write: line => (log += line) } as pino.DestinationStream)
  const link = createOdooLink({
    odoo: {
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      database: 'odoo',
      transport: 'json2',
      timeoutMs: 2000,
      retryMaxSeconds
    },
    secrets: { read: async () => stored.account, write: async () => assert.fail('nothing is stored') },
    logger,
    onCall: result => calls.push(result)
  })
  t.after(() => link.close())
  const leaving = new AbortController()
  const deliver = (given: Partial<Delivery> = {}) =>
    link.deliver(rows, { requestId: 'test-1', signal: leaving.signal, ...given })
  return { odoo, stored, calls, link, deliver, leaving, log: () => log }
}

describe('the link to Odoo', () => {
  test('opens its breaker after five failures, closes it once Odoo answers, and then sends everything that waited', async t => {
    const { odoo, calls, link, deliver } = await setUp(t, { answer: fails })
    const deliveries = Array.from({ length: 5 }, () => deliver())
    await until('the breaker is open', async () => link.breakerState === 2)
    await until('nothing is under way any more', async () => calls.length === odoo.requests)
    const { requests } = odoo
    await wait(1500)
    assert.equal(odoo.requests, requests, 'an open breaker asks nothing')
    odoo.answer = stores
    assert.equal((await Promise.all(deliveries)).length, 5)
    assert.equal(link.breakerState, 0)
    assert.equal(calls.length, odoo.requests, 'only requests are counted')
    assert.equal(calls.filter(result => result === 'stored').length, 5)
  })

  test('waits without an account, and starts at once when it gets one', async t => {
    const { odoo, stored, calls, link, deliver } = await setUp(t, { secret: false, retryMaxSeconds: 300 })
    const delivery = deliver()
    await wait(2000)
    assert.equal(odoo.requests, 0)
    stored.account = { login: 'sdmk-sidecar', apiKey: 'key-1' }
    link.renewAccount()
    await delivery
    assert.deepEqual(calls, ['stored'])
  })

  test('waits if its key is denied, and reads the account again automatically', async t => {
    const { stored, calls, link, deliver } = await setUp(t, {
      answer: (request, response) =>
        request.headers.authorization === 'bearer key-2'
          ? response.end('{}')
          : response.writeHead(401).end('{"name": "werkzeug.exceptions.Unauthorized"}')
    })
    const delivery = deliver()
    await until('the key was denied twice', async () => calls.length >= 2)
    assert.equal(link.breakerState, 0, 'Odoo is there')
    stored.account = { login: 'sdmk-sidecar', apiKey: 'key-2' }
    await delivery
    assert.equal(calls.at(-1), 'stored')
    assert.deepEqual(new Set(calls.slice(0, -1)), new Set(['denied']))
  })

  test('tries again soon if a new key is denied, because Odoo accepts it a moment later', async t => {
    let refusals = 4
    const { calls, link, deliver } = await setUp(t, {
      retryMaxSeconds: 300,
      answer: (_, response) => (refusals-- > 0 ? response.writeHead(401).end('{}') : response.end('{}'))
    })
    const delivery = deliver()
    await until('the key was denied often', async () => calls.length === 3)
    link.renewAccount()
    const renewed = performance.now()
    await delivery
    assert.deepEqual(calls, ['denied', 'denied', 'denied', 'denied', 'stored'])
    // Now one second; without the new key six to eight.
    assert.ok(performance.now() - renewed < 5500)
  })

  test('reads the account again if it was unreadable', async t => {
    const { stored, deliver } = await setUp(t)
    const account = stored.account
    Object.defineProperty(stored, 'account', {
      configurable: true,
      get() {
        Object.defineProperty(stored, 'account', { value: account })
        throw new Error('the disk is away')
      }
    })
    assert.deepEqual(await deliver(), { health_workers: 1 })
  })

  test('throws at once if Odoo denies a call, and never repeats the message', async t => {
    const quote = JSON.stringify({
      name: 'odoo.exceptions.ValidationError',
      message: rows.payload,
      debug: rows.payload
    })
    const { odoo, deliver, log, calls } = await setUp(t, {
      answer: (_, response) => response.writeHead(422).end(quote)
    })
    await assert.rejects(deliver(), error => {
      assert.ok(error instanceof OdooDenied && error.fault === 'odoo.exceptions.ValidationError')
      assert.ok(!JSON.stringify([error.message, error.stack, String(error.cause)]).includes('Rahasia'))
      return true
    })
    odoo.answer = (_, response) => response.writeHead(500).end(quote)
    await assert.rejects(deliver({ attempts: 2 }), OdooUnavailable)
    odoo.answer = (_, response) => response.end(rows.payload.slice(0, -5))
    await assert.rejects(deliver({ attempts: 1 }), OdooUnavailable)
    assert.deepEqual(calls, ['denied', 'unavailable', 'unavailable', 'unavailable'])
    assert.match(log(), /Odoo does not accept rows/)
    assert.ok(!log().includes('Rahasia'))
    assert.ok(!log().includes('key-1'))
  })

  test('waits longer after each failure', async t => {
    const times: number[] = []
    const { deliver } = await setUp(t, {
      retryMaxSeconds: 300,
      answer: (_, response) => {
        times.push(performance.now())
        response.writeHead(503).end()
      }
    })
    await assert.rejects(deliver({ attempts: 3 }), OdooUnavailable)
    const [first = 0, second = 0, third = 0] = times
    assert.ok(second - first >= 740, `${second - first} ms`)
    assert.ok(third - second >= 1490, `${third - second} ms`)
  })

  test('ends with the caller’s abort reason, during a call and while it waits; closing ends all calls', async t => {
    const silent: Answer = () => {}
    const { odoo, deliver, link, leaving } = await setUp(t, { answer: silent, retryMaxSeconds: 300 })
    const asking = assert.rejects(deliver(), /the process stops/)
    await until('it asks', async () => odoo.requests === 1)
    leaving.abort(new Error('the process stops'))
    await asking
    odoo.answer = fails
    const waiting = assert.rejects(deliver({ signal: new AbortController().signal }), /the process stops/)
    await until('it asks', async () => odoo.requests === 2)
    await wait(200)
    await link.close()
    await waiting
  })
})

test('disclosures are recorded before data is sent, and nothing is sent if that fails', async t => {
  const order: string[] = []
  const server = createServer((request, response) => {
    order.push('sent')
    request.resume().on('end', () => response.end('{}'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  let isAway = false
  const link = createOdooLink({
    odoo: {
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      database: 'odoo',
      transport: 'json2',
      timeoutMs: 2000,
      retryMaxSeconds: 1
    },
    secrets: { read: async () => ({ login: 'sdmk-sidecar', apiKey: 'key-1' }), write: async () => undefined },
    logger: createLogger('silent'),
    onCall: () => undefined,
    async onSend({ shown }, requestId) {
      if (isAway) throw new Error('the database is away')
      order.push(`${requestId} ${shown?.channel} ${shown?.people}`)
    }
  })
  t.after(() => link.close())
  const told: Payload = { ...rows, shown: { channel: 'odoo', people: [1] } }
  const delivery = { requestId: 'test-2', signal: new AbortController().signal }
  await link.deliver(told, delivery)
  assert.deepEqual(order, ['test-2 odoo 1', 'sent'])
  isAway = true
  await assert.rejects(link.deliver(told, delivery), /away/)
  assert.equal(order.length, 2)
})
