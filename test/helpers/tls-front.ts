import { request as httpRequest } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Identity } from './certificate.ts'

/** A server that ends TLS and passes each request on to another server, as a reverse proxy does. */
export interface TlsFront {
  url: string
  /** How many requests it has received. */
  requests(): number
}

/** Starts a front with this certificate; it ends with the test. */
export async function startTlsFront(t: TestContext, identity: Identity, target: string): Promise<TlsFront> {
  let requests = 0
  const server = createServer(identity, (request, response) => {
    requests++
    const onward = httpRequest(target + request.url, { method: request.method, headers: request.headers })
    onward.on('error', () => response.destroy())
    onward.on('response', answer => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    request.pipe(onward)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, requests: () => requests }
}
