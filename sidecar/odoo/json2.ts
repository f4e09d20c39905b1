import { Agent, request } from 'undici'
import { readBounded } from '../platform/bounded-body.ts'
import { accessDenied, OdooDenied, OdooUnavailable, translateFailure } from './errors.ts'
import {
  isOfServer,
  maxAnswerBytes,
  maxConnections,
  type OdooCall,
  type OdooConnection,
  type OdooTransport
} from './transport.ts'

/** Returns a transport over JSON-2 (`POST /json/2/<model>/<method>`), which stays when Odoo drops XML-RPC. */
export function createJson2Transport(connection: OdooConnection): OdooTransport {
  const { baseUrl, database, apiKey, timeoutMs } = connection
  // The signal limits the call as a whole.
  const agent = new Agent({ connections: maxConnections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
  return {
    async call({ model, method, payload, requestId, traceparent, signal }: OdooCall) {
      const limit = AbortSignal.timeout(timeoutMs)
      try {
        const { statusCode, headers, body } = await request(new URL(`/json/2/${model}/${method}`, baseUrl), {
          dispatcher: agent,
          method: 'POST',
          headers: {
            authorization: `bearer ${apiKey}`,
            'content-type': 'application/json',
            'x-odoo-database': database,
            'x-request-id': requestId,
            traceparent
          },
          body: JSON.stringify({ payload }),
          signal: AbortSignal.any([signal, limit])
        })
        const answer = await readBounded(body, headers['content-encoding'], maxAnswerBytes)
        return read(statusCode, answer.body.toString())
      } catch (error) {
        signal.throwIfAborted()
        if (error instanceof OdooDenied || error instanceof OdooUnavailable) throw error
        if (!limit.aborted) throw translateFailure(error)
        throw new OdooUnavailable('slow', `does not answer within ${timeoutMs} ms`)
      }
    },
    close: () => agent.close()
  }
}

function read(status: number, text: string): unknown {
  if (isOfServer(status)) throw new OdooUnavailable('away', `answers ${status}`)
  if (status >= 500) throw new OdooUnavailable('failed', `answers ${status}`)
  if (status === 401) throw new OdooDenied(accessDenied)
  if (status >= 400) throw new OdooDenied(faultOf(text))
  try {
    return JSON.parse(text)
  } catch {
    // Not as the cause: the parser quotes the answer.
    throw new OdooUnavailable('failed', 'answers something that is not JSON')
  }
}

/** Odoo answers `{name, message, arguments, …}`; the message may quote the request, so it is left out. */
function faultOf(text: string): string | null {
  try {
    const { name } = JSON.parse(text) as { name?: unknown }
    return typeof name === 'string' ? name : null
  } catch {
    return null
  }
}
