import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type pino from 'pino'
import type { PeopleJob } from '../../sidecar/odoo/jobs.ts'
import { createOdooLink, type OdooLink } from '../../sidecar/odoo/link.ts'
import type { Payload } from '../../sidecar/odoo/payloads.ts'
import { relayPeople } from '../../sidecar/odoo/relay.ts'
import { createLogger } from '../../sidecar/platform/logger.ts'
import { createTestDatabase } from '../helpers/database.ts'

/** The one person that causes a failure, and must be named nowhere. */
const poison = 3
const planted = 'Orang Rahasia'
const people = Array.from({ length: 8 }, (_, i) => i + 1)
type TransportName = 'xmlrpc' | 'json2'

/** The reaction of Odoo to a call with the planted person. */
type Fault = (response: ServerResponse, transport: TransportName) => void
const faults: Record<string, Fault> = {
  'Odoo answers 500 and quotes it': response => void response.writeHead(500).end(planted),
  'Odoo answers nothing that can be parsed': response => void response.end(`<html>${planted}`),
  'Odoo answers with half of an answer': response => void response.end(`{"${planted}": <methodResponse><params>`),
  'Odoo breaks off': response => void response.socket?.destroy(),
  'Odoo does not answer in time': () => {},
  'Odoo rejects the rows': (response, transport) =>
    transport === 'json2'
      ? void response.writeHead(422).end(JSON.stringify({ name: 'odoo.exceptions.UserError', message: planted }))
      : void response.end(xmlFault(2)),
  'Odoo reports an internal fault': (response, transport) =>
    transport === 'json2'
      ? void response.writeHead(500).end(JSON.stringify({ name: 'builtins.ValueError', debug: planted }))
      : void response.end(xmlFault(1))
}

const xmlValue = (value: string) =>
  `<?xml version="1.0"?><methodResponse><params><param><value>${value}</value></param></params></methodResponse>`
const xmlFault = (code: number) =>
  `<?xml version="1.0"?><methodResponse><fault><value><struct><member><name>faultCode</name><value><int>${code}</int>
  </value></member><member><name>faultString</name><value><string>ValueError: ${planted}</string></value></member>
  </struct></value></fault></methodResponse>`

/** A registry of eight people, a server in the place of Odoo, and all messages and log lines. */
async function setUp(t: TestContext, transport: TransportName, fault?: Fault) {
  const { pool, database } = await createTestDatabase(t)
  await pool.query(
    `insert into sdmk.health_worker (id, name, name_key, name_at) overriding system value
    select n, case n when $1 then $2 else 'Budi ' || n end, 'BUDI', now() from generate_series(1, 8) n`,
    [poison, planted]
  )
  const told = new Set<number>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    if (fault && body.includes(planted)) return fault(response, transport)
    for (const [, id] of body.matchAll(/Budi (\d+)/g)) told.add(Number(id))
    response.end(transport === 'json2' ? '{}' : xmlValue('<int>2</int>'))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  let log = ''
  const logger = createLogger('debug', { write: line => (log += line) } as pino.DestinationStream)
  const link = createOdooLink({
    odoo: {
      baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      database: 'odoo',
      transport,
      timeoutMs: 2000,
      retryMaxSeconds: 0
    },
    secrets: { read: async () => ({ login: 'sidecar', apiKey: 'key' }), write: async () => assert.fail() },
    logger,
    onCall: () => {}
  })
  t.after(async () => {
    await link.close()
    server.closeAllConnections()
    server.close()
  })
  const sent: object[] = []
  const resend = async (_queue: string, data: object[]) => void sent.push(...data)
  const relay = (over: { link?: OdooLink; resend?: typeof resend } = {}, data: PeopleJob = { people }) => {
    const signal = AbortSignal.timeout(120_000)
    const context = { pool: database.pool, link, logger, timeZone: 'Asia/Jakarta', resend, ...over }
    return relayPeople(context, [{ id: 'job', data, retryCount: 0, signal }], signal)
  }
  const assertOthersTold = () => {
    assert.deepEqual(
      [...told].sort((a, b) => a - b),
      people.filter(id => id !== poison)
    )
    assert.match(log, /a record cannot be sent/)
    assert.match(log, /\[3\]/)
    assert.doesNotMatch(log, /Rahasia/)
  }
  return { pool, link, told, sent, relay, assertOthersTold, log: () => log }
}

for (const transport of ['xmlrpc', 'json2'] as const) {
  describe(`over ${transport} a person who cannot be sent delays no others, and is named nowhere`, () => {
    for (const [name, fault] of Object.entries(faults)) {
      test(`if ${name}`, async t => {
        const { relay, sent, assertOthersTold } = await setUp(t, transport, fault)
        assert.deepEqual(await relay(), [{ id: 'job', isDone: true }])
        assert.deepEqual(sent, [{ people: [poison] }])
        assertOthersTold()
        assert.deepEqual(await relay({}, { people: [poison] }), [{ id: 'job', isDone: false }])
      })
    }

    test('if the rows cannot be read', async t => {
      const { pool, relay, sent, assertOthersTold } = await setUp(t, transport)
      await pool.query(
        `alter table sdmk.health_worker enable row level security;
        create policy injected on sdmk.health_worker using (1 / (id - ${poison}) is not null)`
      )
      assert.deepEqual(await relay(), [{ id: 'job', isDone: true }])
      assert.deepEqual(sent, [{ people: [poison] }])
      assertOthersTold()
    })

    test('if the call cannot be encoded', async t => {
      const { link, relay, sent, assertOthersTold } = await setUp(t, transport)
      // XML does not have this character, nor JSON this number: the libraries throw, and the one for XML quotes the text.
      const spoil = (given: Payload) =>
        transport === 'xmlrpc'
          ? { ...given, model: `${given.model}\uffff${given.payload}` }
          : { ...given, payload: 1n as unknown as string }
      const spoiling: OdooLink = {
        ...link,
        deliver: (given, delivery) => link.deliver(given.payload.includes(planted) ? spoil(given) : given, delivery)
      }
      assert.deepEqual(await relay({ link: spoiling }), [{ id: 'job', isDone: true }])
      assert.deepEqual(sent, [{ people: [poison] }])
      assertOthersTold()
    })

    test('if the job of that person cannot be queued: everything is sent again later', async t => {
      const { relay, told, log } = await setUp(t, transport, faults['Odoo rejects the rows'])
      const broken = async () => {
        throw new Error(planted)
      }
      await assert.rejects(relay({ resend: broken }))
      assert.equal(told.size, people.length - 1)
      assert.deepEqual(await relay(), [{ id: 'job', isDone: true }])
      assert.doesNotMatch(log(), /Rahasia/)
    })
  })
}
