import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import CircuitBreaker from 'opossum'
import type { OdooConfig } from '../config.ts'
import { SdmkError } from '../errors.ts'
import { formatTraceparent } from '../platform/trace-context.ts'
import { apart, inSpan } from '../platform/tracing.ts'
import type { SecretStore } from '../secrets/store.ts'
import { transports } from './create-transport.ts'
import { OdooCallNotMade, OdooDenied, OdooUnavailable } from './errors.ts'
import type { Payload } from './payloads.ts'
import type { OdooCall, OdooTransport } from './transport.ts'

export type CallResult = 'stored' | 'unavailable' | 'denied' | 'not_made'

export interface LinkOptions {
  odoo: OdooConfig
  secrets: SecretStore
  logger: FastifyBaseLogger
  onCall(result: CallResult): void
  /** Records whose data is sent to Odoo, before it is sent: a failed call may have reached Odoo. */
  onSend?(payload: Payload, requestId: string): Promise<void>
}

export interface Delivery {
  requestId: string
  /** Aborting it ends the waiting with its reason. */
  signal: AbortSignal
  /** Number of attempts; by default until Odoo accepts the call. */
  attempts?: number
}

/** The connection to Odoo: one account, one circuit breaker, repeated calls. */
export interface OdooLink {
  /** 0 closed, 1 half-open, 2 open. */
  readonly breakerState: 0 | 1 | 2
  /**
   * Returns Odoo's answer. While Odoo is away, or does not know the account, the call is repeated without limit.
   * @throws OdooDenied, OdooCallNotMade, the signal's reason; OdooUnavailable after the last attempt, or if Odoo fails over
   *   this call repeatedly
   */
  deliver(payload: Payload, delivery: Delivery): Promise<unknown>
  /** Reads the account again for the next call; waiting calls are repeated at once. */
  renewAccount(): void
  /** Ends running and waiting calls. */
  close(): Promise<void>
}

/** Name of the secret: `login` and `apiKey` of the service account, as the addon sends them. */
export const odooSecret = 'odoo'

/** After so many failures of one call, its payload may be the cause. */
const mostFailures = 3

const breakerOptions = {
  // Each call has its own time limit.
  timeout: false as const,
  volumeThreshold: 5,
  rollingCountTimeout: 60_000,
  errorThresholdPercentage: 50,
  resetTimeout: 5000,
  rollingPercentilesEnabled: false,
  enableSnapshots: false
}

/** Returns a link that signs in with the secret `odoo`, and reads it again when Odoo denies the account. */
export function createOdooLink({ odoo, secrets, logger, onCall, onSend }: LinkOptions): OdooLink {
  let transport: Promise<OdooTransport> | undefined
  let wake = new AbortController()
  const closing = new AbortController()
  const circuit = new CircuitBreaker(attempt, {
    ...breakerOptions,
    // Such a failure may concern only this call; others must not wait for it.
    errorFilter: error => resultOf(error) !== 'unavailable' || (error as OdooUnavailable).kind === 'failed'
  })
  // All calls share the breaker, so its messages belong to no trace.
  circuit.on('open', () => apart(() => logger.error('Odoo failed too often; it is called less often until it answers')))
  circuit.on('close', () => {
    apart(() => logger.info('Odoo answers again'))
    wakeAll()
  })

  async function attempt(call: OdooCall): Promise<unknown> {
    try {
      return await callOnce(call)
    } catch (error) {
      call.signal.throwIfAborted()
      throw error instanceof SdmkError ? error : new OdooCallNotMade({ cause: error })
    }
  }

  async function callOnce(call: OdooCall): Promise<unknown> {
    transport ??= open()
    const present = transport
    const opened = await present.catch(error => {
      // An account may be stored before the next attempt.
      forget(present)
      throw error
    })
    return opened.call(call).catch(error => {
      // The addon may have renewed the key.
      if (error instanceof OdooDenied && error.isOfAccount) forget(present)
      throw error
    })
  }

  async function open(): Promise<OdooTransport> {
    const secret = await secrets.read(odooSecret).catch(cause => {
      throw new OdooUnavailable('account', 'cannot be called, because the secret of its account cannot be read', {
        cause
      })
    })
    if (!secret?.login || !secret.apiKey)
      throw new OdooUnavailable('account', 'has not sent an account to the sidecar yet')
    const { baseUrl, database, timeoutMs } = odoo
    return transports[odoo.transport]({ baseUrl, database, timeoutMs, login: secret.login, apiKey: secret.apiKey })
  }

  function forget(former: typeof transport): Promise<void> | undefined {
    if (transport === former) transport = undefined
    return former?.then(opened => opened.close()).catch(() => undefined)
  }

  function wakeAll() {
    wake.abort()
    wake = new AbortController()
  }

  return {
    get breakerState() {
      return circuit.opened ? 2 : circuit.halfOpen ? 1 : 0
    },
    async deliver(told, { requestId, signal: outer, attempts = Number.POSITIVE_INFINITY }) {
      const { model, method, payload, rows } = told
      await onSend?.(told, requestId)
      const signal = AbortSignal.any([outer, closing.signal])
      let pauses = 0
      let failures = 0
      for (let attempt = 1; ; attempt++) {
        signal.throwIfAborted()
        const awoken = wake.signal
        const started = performance.now()
        try {
          const attributes = { 'rpc.service': model, 'rpc.method': method, 'sdmk.odoo.rows': rows }
          const answer = await inSpan(method, { kind: 'client', attributes }, ({ context }) =>
            circuit.fire({ model, method, payload, requestId, traceparent: formatTraceparent(context), signal })
          )
          onCall('stored')
          const milliseconds = Math.round(performance.now() - started)
          logger.debug({ model, rows, sent_request_id: requestId, milliseconds }, 'Odoo has stored rows')
          return answer
        } catch (error) {
          signal.throwIfAborted()
          const result = resultOf(error)
          if (result) onCall(result)
          if (error instanceof OdooUnavailable && (error.kind === 'failed' || error.kind === 'slow')) failures++
          if (isOfCall(error) || failures >= mostFailures || attempt >= attempts) throw error
          const seconds = Math.min(2 ** Math.min(pauses++, 12), odoo.retryMaxSeconds)
          if (attempt === 1)
            logger.warn(
              { err: error, model, sent_request_id: requestId, seconds },
              'Odoo does not accept rows; the call is repeated'
            )
          // Jitter, so that several waiting calls are not repeated at the same time.
          const pause = seconds * 1000 * (0.75 + Math.random() / 4)
          await wait(pause, undefined, { signal: AbortSignal.any([signal, awoken]) }).catch(() => undefined)
          // Odoo sends a key before it has committed it, so a call that was woken too early must not wait long again.
          if (awoken.aborted) pauses = 0
        }
      }
    },
    renewAccount() {
      forget(transport)
      wakeAll()
    },
    async close() {
      closing.abort(new Error('the process stops'))
      circuit.shutdown()
      await forget(transport)
    }
  }
}

/** True if the same call would fail at any time. */
function isOfCall(error: unknown): boolean {
  return error instanceof OdooCallNotMade || (error instanceof OdooDenied && !error.isOfAccount)
}

/** The result that a failed call counts as; null if no call was made: the breaker is open, or there is no account yet. */
function resultOf(error: unknown): CallResult | null {
  if (error instanceof OdooDenied) return 'denied'
  if (error instanceof OdooCallNotMade) return 'not_made'
  return error instanceof OdooUnavailable && error.kind !== 'account' ? 'unavailable' : null
}
