import http, { type ClientRequest, type IncomingMessage } from 'node:http'
import https from 'node:https'
import OdooAwait from 'odoo-await'
import { BodyTooLarge } from '../platform/bounded-body.ts'
import { escapeUnportable } from '../platform/portable-text.ts'
import { accessDenied, OdooDenied, OdooUnavailable, translateFailure } from './errors.ts'
import {
  isOfServer,
  maxAnswerBytes,
  maxConnections,
  type OdooCall,
  type OdooConnection,
  type OdooTransport
} from './transport.ts'

/** Faults of Odoo's XML-RPC for a denied call; all others are internal errors of Odoo. */
const refusals: Record<number, string> = {
  2: 'odoo.exceptions.UserError',
  3: accessDenied,
  4: 'odoo.exceptions.AccessError'
}

/**
 * Returns a transport over XML-RPC, by odoo-await; it logs in with its first call, and again when Odoo denies the
 * session.
 */
export function createXmlRpcTransport(connection: OdooConnection): OdooTransport {
  const isSecure = connection.baseUrl.startsWith('https:')
  const agent = boundAnswers(new (isSecure ? https : http).Agent({ keepAlive: true, maxSockets: maxConnections }))
  let signedIn: Promise<number> | undefined

  async function attempt<T>(
    { requestId, traceparent, signal }: OdooCall,
    work: (client: Client) => Promise<T>
  ): Promise<T> {
    const limit = AbortSignal.timeout(connection.timeoutMs)
    const headers = { 'X-Request-ID': requestId, traceparent }
    const client = new Client(connection, { agent, headers, signal: AbortSignal.any([signal, limit]) })
    try {
      return await work(client)
    } catch (error) {
      signal.throwIfAborted()
      throw translate(error, limit.aborted ? `does not answer within ${connection.timeoutMs} ms` : null)
    }
  }

  return {
    async call(call) {
      signedIn ??= attempt(call, client => client.connect())
      const uid = await signedIn.catch(error => {
        signedIn = undefined
        throw error
      })
      return attempt(call, client => client.callMethod(uid, call))
    },
    async close() {
      agent.destroy()
    }
  }
}

/**
 * Returns the agent, which from now on aborts every answer that is larger than `maxAnswerBytes`. odoo-await buffers whole
 * answers without a limit; only the agent sees each of its requests.
 */
function boundAnswers(agent: http.Agent): http.Agent {
  // Node calls it once for each request, before anything is sent. The types do not name it.
  const bounded = agent as http.Agent & { addRequest(request: ClientRequest, ...rest: unknown[]): void }
  const addRequest = bounded.addRequest
  bounded.addRequest = (request, ...rest) => {
    request.prependOnceListener('response', (response: IncomingMessage) => {
      let size = 0
      response.on('data', (chunk: Buffer | string) => {
        size += Buffer.byteLength(chunk)
        if (size > maxAnswerBytes) response.destroy(new BodyTooLarge(maxAnswerBytes))
      })
    })
    addRequest.call(agent, request, ...rest)
  }
  return agent
}

interface CallOptions {
  agent: http.Agent
  headers: Record<string, string>
  signal: AbortSignal
}

/** odoo-await supports neither time limits nor headers for a call; both are added where it creates the request's options. */
class Client extends OdooAwait {
  readonly #options: CallOptions

  constructor({ baseUrl, database, login, apiKey }: OdooConnection, options: CallOptions) {
    super({ baseUrl, db: database, username: login, password: apiKey })
    this.#options = options
  }

  override createClientOptions(path: string) {
    return { ...super.createClientOptions(path), ...this.#options }
  }

  callMethod(uid: number, { model, method, payload }: OdooCall): Promise<unknown> {
    // The package declares it for the class but stores it in the object.
    Object.assign(this, { uid })
    // XML cannot represent some characters; JSON can escape all of them.
    return this.execute_kw(model, method, [[], { payload: escapeUnportable(payload) }])
  }
}

/** odoo-await rejects with faults of Odoo, errors of the socket and, for a failed login, with a text. */
function translate(error: unknown, timedOut: string | null): Error {
  if (typeof error === 'string') return new OdooDenied(accessDenied)
  if (error instanceof BodyTooLarge) return translateFailure(error)
  const { faultCode, faultString, res } = error as { faultCode?: number; faultString?: string; res?: IncomingMessage }
  const fault = faultCode === undefined ? undefined : (refusals[faultCode] ?? namedIn(faultString))
  if (fault !== undefined) return new OdooDenied(fault)
  if (faultCode !== undefined) return new OdooUnavailable('failed', 'fails internally')
  if (timedOut !== null) return new OdooUnavailable('slow', timedOut)
  if (res === undefined) return translateFailure(error)
  // Without the cause, because that contains the answer.
  const { statusCode = 0 } = res
  return new OdooUnavailable(isOfServer(statusCode) ? 'away' : 'failed', `answers ${statusCode}, and no XML-RPC`)
}

/** Denials, and errors about a missing model, method or argument: the addons are missing or old. */
const refusing =
  /^(?:odoo\.exceptions\.(?:AccessError|AccessDenied|UserError|ValidationError|MissingError)|KeyError|AttributeError|TypeError)(?=:)/m

/** For an unexpected fault Odoo sends the traceback, whose last line names the class. */
function namedIn(trace = ''): string | undefined {
  return refusing.exec(trace)?.[0]
}
