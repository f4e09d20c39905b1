import NodeVault from 'node-vault'
import pRetry from 'p-retry'
import { type Dispatcher, EnvHttpProxyAgent, interceptors, request } from 'undici'
import { abortable } from '../platform/abortable.ts'
import { BodyTooLarge, readBounded, TooManyCodings } from '../platform/bounded-body.ts'
import { certificateFault } from '../platform/certificate-fault.ts'
import { SecretStoreUnavailable } from '../platform/errors.ts'

/** An answer of Vault's API: its status, and the unparsed body. */
export interface VaultAnswer {
  status: number
  body: unknown
}

export interface VaultApiOptions {
  address: string
  namespace: string | null
  /** PEM; `null` for Node's certificate authorities. */
  ca: string | null
  /** Limit of one call, with its retries. */
  timeoutMs: number
}

/** Limit of one attempt; a healthy Vault answers in milliseconds. */
const attemptTimeoutMs = 5_000
/** Limit of one answer, decompressed. A secret has a few thousand bytes; Vault's own limit is one MiB. */
const maxAnswerBytes = 2 * 1024 * 1024
/** A standby redirects its callers to the active Vault. */
const mostRedirects = 5
const firstPauseMs = 100
const longestPauseMs = 2_000

/** Overloaded, behind its leader, or sealed: the same request may succeed later. */
const isPassing = (status: number): boolean => status === 412 || status === 429 || status >= 500

/** A failed attempt that may be repeated; `message` completes "Vault at <address> …". */
class AttemptFailed extends Error {}

/** Calls of Vault's HTTP API, each with a time limit; this class knows no logins or secrets. */
export class VaultApi {
  readonly #options: VaultApiOptions
  readonly #client: NodeVault.client
  readonly #agent: EnvHttpProxyAgent
  readonly #closing = new AbortController()

  constructor(options: VaultApiOptions) {
    this.#options = options
    const { address, ca } = options
    const tls = { rejectUnauthorized: true, ...(ca !== null && { ca }) }
    this.#agent = new EnvHttpProxyAgent({ connect: tls, requestTls: tls })
    const dispatcher = this.#agent.compose(interceptors.redirect({ maxRedirections: mostRedirects }))
    this.#client = NodeVault({
      endpoint: address,
      // The library's own logger would print requests, secrets included, if the variable DEBUG is set.
      debug: () => {},
      // The library's own HTTP client has no limit for the size of answers.
      'request-promise': { defaults: () => (given: VaultRequest) => send(dispatcher, given) }
    })
    // Overrides values from VAULT_TOKEN, VAULT_NAMESPACE and VAULT_PREFIX: only our settings count.
    Object.assign(this.#client, { token: '', namespace: options.namespace ?? '', pathPrefix: '' })
  }

  /** @throws SecretStoreUnavailable if no usable answer comes within the time limit */
  get(path: string, token: string): Promise<VaultAnswer> {
    return this.#call(() => this.#client.read(path, { headers: headersFor(token) }))
  }

  /** @throws SecretStoreUnavailable; Vault may have executed the request anyway */
  post(path: string, body: object, token: string | null, timeoutMs = this.#options.timeoutMs): Promise<VaultAnswer> {
    const headers = token === null ? {} : headersFor(token)
    return this.#call(() => this.#client.write(path, body, { headers }), timeoutMs)
  }

  /** Ends the calls that wait. */
  close(): void {
    this.#closing.abort(new AttemptFailed('was interrupted because the process stops'))
    this.#agent.destroy().catch(() => undefined)
  }

  async #call(send: () => Promise<unknown>, timeoutMs = this.#options.timeoutMs): Promise<VaultAnswer> {
    const store = `SDMK_VAULT_ADDR: Vault at ${this.#options.address}`
    const deadline = AbortSignal.timeout(timeoutMs)
    const signal = AbortSignal.any([deadline, this.#closing.signal])
    let last = 'does not answer'
    const attempts = pRetry(() => attempt(send), {
      retries: Number.POSITIVE_INFINITY,
      minTimeout: firstPauseMs,
      maxTimeout: longestPauseMs,
      randomize: true,
      signal,
      shouldRetry: ({ error }) => error instanceof AttemptFailed,
      onFailedAttempt: ({ error }) => {
        if (error instanceof AttemptFailed) last = error.message
      }
    })
    try {
      // A race, since a running attempt does not observe the signal.
      return await abortable(attempts, signal)
    } catch (error) {
      if (deadline.aborted) throw new SecretStoreUnavailable(store, `${last} (waited ${timeoutMs} ms)`)
      if (error instanceof AttemptFailed || error instanceof CertificateInvalid) {
        throw new SecretStoreUnavailable(store, error.message)
      }
      throw error
    }
  }
}

/** A request in the form of node-vault; `json` is the body. */
interface VaultRequest {
  method: Dispatcher.HttpMethod
  uri: string
  headers: Record<string, string>
  json?: object
}

/** Sends one request, and returns the response in the form that node-vault expects. */
async function send(dispatcher: Dispatcher, { method, uri, headers, json }: VaultRequest) {
  const url = new URL(uri)
  const answer = await request(url, {
    dispatcher,
    method,
    headers: { ...headers, accept: 'application/json', ...(json && { 'content-type': 'application/json' }) },
    body: json ? JSON.stringify(json) : null,
    signal: AbortSignal.timeout(attemptTimeoutMs)
  })
  const { body } = await readBounded(answer.body, answer.headers['content-encoding'], maxAnswerBytes)
  return { statusCode: answer.statusCode, body: parsed(body.toString()), request: { path: url.pathname } }
}

/** A proxy in front of Vault may answer with an HTML page, which is passed on as a text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

/** A retry does not help against an invalid certificate. */
class CertificateInvalid extends Error {}

async function attempt(send: () => Promise<unknown>): Promise<VaultAnswer> {
  try {
    return { status: 200, body: await send() }
  } catch (error) {
    const { response, code } = error as { response?: { statusCode?: number; body?: unknown }; code?: unknown }
    const status = response?.statusCode
    if (error instanceof BodyTooLarge || error instanceof TooManyCodings) {
      throw new AttemptFailed(`answers with ${error.message}`)
    }
    if (error instanceof DOMException && error.name === 'TimeoutError') throw notAnswered('ETIMEDOUT')
    if (status === undefined) throw notAnswered(String(code ?? 'unknown error'))
    if (!isPassing(status)) return { status, body: response?.body }
    throw new AttemptFailed(isSealed(status, response?.body) ? `is sealed (${status})` : `answers ${status}`)
  }
}

function notAnswered(code: string): Error {
  const fault = certificateFault(code, { address: 'SDMK_VAULT_ADDR', authority: 'SDMK_VAULT_CA_FILE' })
  if (fault !== null) return new CertificateInvalid(fault)
  return new AttemptFailed(
    /TIMEDOUT|TIMEOUT|ABORTED/.test(code) ? 'does not answer in time' : `cannot be reached (${code})`
  )
}

function isSealed(status: number, body: unknown): boolean {
  return status === 503 && errorsOf(body).some(text => /sealed/i.test(text))
}

/** Returns Vault's error messages. They contain paths and rules, and must not be shown unchecked. */
export function errorsOf(body: unknown): string[] {
  const { errors } = (typeof body === 'object' && body !== null ? body : {}) as { errors?: unknown }
  return Array.isArray(errors) ? errors.map(String) : []
}

function headersFor(token: string): Record<string, string> {
  return { 'X-Vault-Token': token }
}
