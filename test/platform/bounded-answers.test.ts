import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { transports } from '../../sidecar/odoo/create-transport.ts'
import { OdooUnavailable } from '../../sidecar/odoo/errors.ts'
import { VaultApi } from '../../sidecar/secrets/vault-api.ts'

const mebibyte = 1024 * 1024
const piece = Buffer.alloc(mebibyte, 'a')
/** Decompressed it has 16 MiB; gzip allows many of them one after the other. */
const smallBomb = gzipSync(Buffer.alloc(16 * mebibyte, 'a'))

type Answer = (response: ServerResponse, start: Buffer) => Readable

async function* pieces(start: Buffer, count: number, pauseMs = 0): AsyncGenerator<Buffer> {
  yield start
  for (let sent = 0; sent < count; sent++) {
    if (pauseMs > 0) await wait(pauseMs)
    yield piece
  }
}

const answers: Record<string, Answer> = {
  'an answer of 300 MiB whose length is stated': (response, start) => {
    response.setHeader('content-length', start.length + 300 * mebibyte)
    return Readable.from(pieces(start, 300))
  },
  'an answer without end': (_response, start) => Readable.from(pieces(start, Number.POSITIVE_INFINITY)),
  'an answer without end that comes slowly': (_response, start) =>
    Readable.from(pieces(start, Number.POSITIVE_INFINITY, 50)),
  'a compressed answer of 320 MiB': (response, start) => {
    response.setHeader('content-encoding', 'gzip')
    return Readable.from([gzipSync(start), ...Array.from({ length: 20 }, () => smallBomb)])
  },
  'a compressed answer that is compressed once more': (response, start) => {
    response.setHeader('content-encoding', 'gzip, gzip')
    const inner = Buffer.concat([gzipSync(start), ...Array.from({ length: 20 }, () => smallBomb)])
    return Readable.from([gzipSync(inner)])
  },
  'an error without end': (response, start) => {
    response.statusCode = 500
    return Readable.from(pieces(start, Number.POSITIVE_INFINITY))
  },
  'a missing page without end': (response, start) => {
    response.statusCode = 404
    return Readable.from(pieces(start, Number.POSITIVE_INFINITY))
  }
}

async function serve(t: TestContext, answer: Answer, start: string): Promise<{ url: string; sent: () => number }> {
  let sent = 0
  const server = createServer((request, response) => {
    request.resume()
    const body = answer(response, Buffer.from(start)).on('data', (chunk: Buffer) => {
      sent += chunk.length
    })
    // The client breaks it off.
    pipeline(body, response).catch(() => undefined)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sent: () => sent }
}

/** Returns by how many bytes the process grew at most while the work was done. */
async function growth(work: () => Promise<unknown>): Promise<number> {
  const before = process.memoryUsage.rss()
  let most = before
  const timer = setInterval(() => {
    most = Math.max(most, process.memoryUsage.rss())
  }, 5)
  await work().finally(() => clearInterval(timer))
  return Math.max(most, process.memoryUsage.rss()) - before
}

const maxGrowth = 100 * mebibyte

describe('a too large answer', () => {
  for (const [name, answer] of Object.entries(answers)) {
    for (const [protocol, create] of Object.entries(transports)) {
      test(`of Odoo over ${protocol} fails the call and costs little memory: ${name}`, async t => {
        const start =
          protocol === 'xmlrpc' ? '<?xml version="1.0"?><methodResponse><params><param><value><string>' : '"'
        const { url, sent } = await serve(t, answer, start)
        const transport = create({ baseUrl: url, database: 'x', login: 'x', apiKey: 'x', timeoutMs: 120_000 })
        t.after(() => transport.close())
        const call = transport.call({
          model: 'sdmk.batch',
          method: 'sync_batches',
          payload: '{}',
          requestId: 'test-1',
          traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
          signal: new AbortController().signal
        })
        const grown = await growth(async () => {
          await assert.rejects(call, error => {
            assert.ok(error instanceof OdooUnavailable, String(error))
            assert.equal(error.kind, 'failed')
            // A body that is not decompressed is not XML; every other fault has its own error.
            const isNoXml = protocol === 'xmlrpc' && /compressed|missing/.test(name)
            if (!isNoXml) assert.match(error.message, /more than 4194304 bytes/)
            return true
          })
          // Where the status alone fails the call, the rest of the answer must not come in either.
          await wait(200)
        })
        assert.ok(sent() < 60 * mebibyte, `${sent()} bytes were sent`)
        assert.ok(grown < maxGrowth, `grew by ${grown} bytes`)
      })
    }

    test(`of Vault fails the call and costs little memory: ${name}`, async t => {
      const { url } = await serve(t, answer, '"')
      const api = new VaultApi({ address: url, namespace: null, ca: null, timeoutMs: 2000 })
      t.after(() => api.close())
      const grown = await growth(() =>
        assert.rejects(api.get('secret/data/sdmk/kki', 'token'), {
          code: 'SDMK_SECRET_STORE_UNAVAILABLE',
          message: /more than 2097152 bytes/
        })
      )
      assert.ok(grown < maxGrowth, `grew by ${grown} bytes`)
    })
  }
})

test('a small compressed answer of Odoo is read', async t => {
  const { url } = await serve(
    t,
    response => {
      response.setHeader('content-encoding', 'gzip')
      return Readable.from([gzipSync('{"stored": 1}')])
    },
    ''
  )
  const transport = transports.json2({ baseUrl: url, database: 'x', login: 'x', apiKey: 'x', timeoutMs: 60_000 })
  t.after(() => transport.close())
  const answer = await transport.call({
    model: 'sdmk.batch',
    method: 'sync_batches',
    payload: '{}',
    requestId: 'test-1',
    traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
    signal: new AbortController().signal
  })
  assert.deepEqual(answer, { stored: 1 })
})

test('a standby of Vault redirects its callers, and the body is sent again', async t => {
  const seen: unknown[] = []
  const active = createServer(async (request, response) => {
    const chunks = await request.toArray()
    seen.push(request.method, request.url, request.headers['x-vault-token'], Buffer.concat(chunks).toString())
    response.end('{"data": {"version": 1}}')
  })
  const standby = createServer((request, response) => {
    request.resume()
    const { port } = active.address() as AddressInfo
    response.writeHead(307, { location: `http://127.0.0.1:${port}${request.url}` }).end()
  })
  for (const server of [active, standby]) {
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
  }
  const address = `http://127.0.0.1:${(standby.address() as AddressInfo).port}`
  const api = new VaultApi({ address, namespace: null, ca: null, timeoutMs: 60_000 })
  t.after(() => api.close())
  const answer = await api.post('secret/data/sdmk/kki', { data: { a: 1 } }, 'token')
  assert.deepEqual(answer, { status: 200, body: { data: { version: 1 } } })
  assert.deepEqual(seen, ['POST', '/v1/secret/data/sdmk/kki', 'token', '{"data":{"a":1}}'])
})
