import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { SourceDescription } from '../../../sidecar/source/description.ts'
import { loadDescription, shippedDescription } from '../../../sidecar/source/load.ts'
import type { KkiClientOptions } from '../../../sidecar/source/options.ts'
import { walkPages } from '../../../sidecar/source/pages.ts'
import { callContext, clientFor, type TestClient } from './client.ts'
import type { FakeKki } from './fake-kki.ts'

const shipped = await loadDescription(shippedDescription)

export interface Asked {
  method: string
  url: URL
  headers: IncomingHttpHeaders
  body: string
}

export interface Reply {
  status?: number
  headers?: Record<string, string>
  /** A text is sent verbatim. */
  body: unknown
}

export interface DescribedClient extends TestClient {
  url: string
  asked: Asked[]
  /** Reads the whole list and returns its rows. */
  readAll(): Promise<unknown[]>
}

/** Returns the shipped description without authentication, and with these sections instead. */
export function describe(changes: Partial<SourceDescription>): SourceDescription {
  return { ...shipped, authentication: { type: 'none' }, ...changes }
}

/** Starts a server that answers as `answer` says, and a client for it that follows a description. Both end with the test. */
export async function startDescribed(
  t: TestContext,
  changes: Partial<SourceDescription>,
  answer: (asked: Asked, number: number) => Reply,
  options: Partial<KkiClientOptions> & { path?: string } = {}
): Promise<DescribedClient> {
  const asked: Asked[] = []
  const server = createServer(async (incoming, response) => {
    const url = new URL(incoming.url ?? '/', base)
    asked.push({ method: incoming.method ?? '', url, headers: incoming.headers, body: await text(incoming) })
    const { status = 200, headers = {}, body } = answer(asked.at(-1) as Asked, asked.length)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(
    () =>
      new Promise(resolve => {
        server.close(resolve)
        server.closeAllConnections()
      })
  )
  const { path = '', ...others } = options
  const client = clientFor(t, { url: base + path } as FakeKki, {
    description: describe(changes),
    retries: 0,
    ...others
  })
  return {
    ...client,
    url: base,
    asked,
    async readAll() {
      const rows: unknown[] = []
      for await (const page of walkPages(client.client, { limit: 2 }, callContext(), { maxPages: 20 })) {
        rows.push(...page.rows)
      }
      return rows
    }
  }
}
