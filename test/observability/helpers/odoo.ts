import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** An Odoo that accepts every call over JSON-2 and stores nothing, unless it is down. It ends with the test. */
export async function startOdoo(t: TestContext): Promise<{ url: string; isAway: boolean }> {
  const odoo = { url: '', isAway: false }
  const server = createServer((request, response) => {
    // It has noted no head of the audit chain. That answer is a text of JSON, as all of JSON-2 is.
    const answer = request.url?.endsWith('/recall_audit_heads') ? '"[]"' : 'true'
    request.resume().once('end', () => response.writeHead(odoo.isAway ? 503 : 200).end(answer))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  odoo.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return odoo
}
