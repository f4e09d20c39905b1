import { createServer, type IncomingHttpHeaders, request } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A received call. */
export interface SeenCall {
  method: string
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
}

/** A proxy before an Odoo or a sidecar, which records or drops messages. */
export interface OdooProxy {
  url: string
  calls: SeenCall[]
  /** Of so many calls that follow the answer is lost, after Odoo has given it. */
  loseAnswers(count: number): void
  /** Keeps calls that hold this text back until the returned function is called. */
  hold(text: string): () => void
  /** How many were lost. */
  lost(): number
  /** Makes a call that was seen once more; resolves to whether Odoo took it. */
  repeat(call: SeenCall): Promise<boolean>
  close(): void
}

/** Starts a proxy before the Odoo at this address. */
export async function startProxy(target: string): Promise<OdooProxy> {
  const calls: SeenCall[] = []
  let toLose = 0
  let lost = 0
  let held: { text: string; until: Promise<void> } | undefined
  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', chunk => chunks.push(chunk))
    incoming.on('end', async () => {
      const { method, url, headers } = incoming
      const call = { method: method as string, path: url as string, headers, body: Buffer.concat(chunks) }
      calls.push(call)
      if (held && `${call.path} ${call.body}`.includes(held.text)) await held.until
      const answer = await forward(target, call)
      if (answer === null || toLose > 0) {
        if (answer !== null) {
          toLose--
          lost++
        }
        return void incoming.socket.destroy()
      }
      outgoing.writeHead(answer.status, answer.headers).end(answer.body)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    loseAnswers(count) {
      toLose = count
    },
    hold(text) {
      const { promise, resolve } = Promise.withResolvers<void>()
      held = { text, until: promise }
      return resolve
    },
    lost: () => lost,
    async repeat(call) {
      const answer = await forward(target, call)
      // XML-RPC answers 200 to denied calls.
      return answer?.status === 200 && !answer.body.includes('<fault>')
    },
    close() {
      server.closeAllConnections()
      server.close()
    }
  }
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Resolves to the complete answer of the target, or to null if the target is down. */
function forward(target: string, { method, path, headers, body }: SeenCall): Promise<Answer | null> {
  return new Promise(resolve => {
    const { connection: _, 'transfer-encoding': __, ...others } = headers
    const outgoing = request(
      new URL(path, target),
      { method, agent: false, headers: { ...others, 'content-length': body.length } },
      incoming => {
        const chunks: Buffer[] = []
        incoming.on('data', chunk => chunks.push(chunk))
        incoming.on('error', () => resolve(null))
        incoming.on('end', () => {
          const { connection: _, 'transfer-encoding': __, ...answered } = incoming.headers
          resolve({ status: incoming.statusCode as number, headers: answered, body: Buffer.concat(chunks) })
        })
      }
    )
    outgoing.on('error', () => resolve(null))
    outgoing.end(body)
  })
}
