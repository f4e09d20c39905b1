import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

export interface ListRequest {
  url: URL
  token: string
  headers: IncomingMessage['headers']
  /** Counts from 1. */
  number: number
}

type ListHandler = (request: ListRequest, response: ServerResponse) => void | Promise<void>
type TokenHandler = (form: URLSearchParams, response: ServerResponse) => void | Promise<void>

/** A KKI whose every answer the test decides; by default it has one empty page and issues tokens t1, t2, ... */
export interface FakeKki {
  url: string
  list: ListRequest[]
  grants: URLSearchParams[]
  answerList: ListHandler
  answerToken: TokenHandler
  /** Tokens that the default list handler accepts; issuing one makes it the only one. */
  validToken: string | null
  issue(response: ServerResponse, expiresIn?: number): void
  close(): Promise<void>
}

/** Starts a fake KKI on a free port; it ends with the test. */
export async function startKki(t: TestContext): Promise<FakeKki> {
  let issued = 0
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', kki.url)
    if (url.pathname === '/oauth2/token') {
      const form = new URLSearchParams(await text(request))
      kki.grants.push(form)
      await kki.answerToken(form, response)
    } else {
      const token = (request.headers.authorization ?? '').replace('Bearer ', '')
      const entry = { url, token, headers: request.headers, number: kki.list.length + 1 }
      kki.list.push(entry)
      await kki.answerList(entry, response)
    }
  })
  const kki: FakeKki = {
    url: '',
    list: [],
    grants: [],
    validToken: null,
    answerList: (request, response) => {
      if (request.token === kki.validToken) sendJson(response, 200, pageOf([]))
      else sendJson(response, 401, { status: 401, title: 'invalid token' })
    },
    answerToken: (_form, response) => kki.issue(response),
    issue(response, expiresIn = 3600) {
      issued += 1
      kki.validToken = `t${issued}`
      const answer = {
        access_token: `t${issued}`,
        token_type: 'Bearer',
        expires_in: expiresIn,
        refresh_token: `r${issued}`
      }
      sendJson(response, 200, answer)
    },
    async close() {
      if (!server.listening) return
      const closed = new Promise(resolve => server.close(resolve))
      server.closeAllConnections()
      await closed
    }
  }
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  kki.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(() => kki.close())
  return kki
}

/** Returns a page body of the contract. */
export function pageOf(data: unknown[], next: string | null = null, total?: unknown): object {
  return { data, meta: { kursor_berikutnya: next, ...(total === undefined ? {} : { total }) } }
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {}
): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
}
