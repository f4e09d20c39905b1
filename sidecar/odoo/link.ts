import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyBaseLogger } from 'fastify'
import CircuitBreaker from 'opossum'
import type { OdooConfig } from '../config.ts'
import type { SecretStore } from '../secrets/store.ts'
import { transports } from './create-transport.ts'
import { OdooRefused, OdooUnavailable } from './errors.ts'
import type { Payload } from './payloads.ts'
import type { OdooCall, OdooTransport } from './transport.ts'

export type CallResult = 'stored' | 'unavailable' | 'refused'

export interface LinkOptions {
  odoo: OdooConfig
  secrets: SecretStore
  logger: FastifyBaseLogger
  onCall(result: CallResult): void
}

export interface Delivery {
  requestId: string
  /** Ends the waiting with its reason. */
  signal: AbortSignal
}

/** The way to Odoo: one account, one breaker, and patience. */
export interface OdooLink {
  /** 0 closed, 1 half-open, 2 open. */
  readonly breakerState: 0 | 1 | 2
  /** Returns what Odoo answered; while Odoo is away the call is repeated without end. @throws OdooRefused, the signal's reason */
  deliver(payload: Payload, delivery: Delivery): Promise<unknown>
  close(): Promise<void>
}

/** Name of the secret: `login` and `apiKey` of the service account, as the addon hands them over. */
export const odooSecret = 'odoo'

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

/** Returns a link that signs in with the secret `odoo`, and reads it again where Odoo refuses the account. */
export function createOdooLink({ odoo, secrets, logger, onCall }: LinkOptions): OdooLink {
  let transport: Promise<OdooTransport> | undefined
  const circuit = new CircuitBreaker(attempt, { ...breakerOptions, errorFilter: error => error instanceof OdooRefused })
  circuit.on('open', () => logger.error('Odoo failed too often of late and is asked less'))
  circuit.on('close', () => logger.info('Odoo answers again'))

  async function attempt(call: OdooCall): Promise<unknown> {
    transport ??= open()
    const present = transport
    try {
      return await (await present).call(call)
    } catch (error) {
      // The addon may have renewed the key, or there may be one by now.
      const isOutdated = !(error instanceof OdooUnavailable) || error.isWithoutAccount
      if (isOutdated && transport === present) {
        transport = undefined
        await present.then(opened => opened.close()).catch(() => undefined)
      }
      throw error
    }
  }

  async function open(): Promise<OdooTransport> {
    const secret = await secrets.read(odooSecret)
    if (!secret?.login || !secret.apiKey) throw OdooUnavailable.withoutAccount()
    const { baseUrl, database, timeoutMs } = odoo
    return transports[odoo.transport]({ baseUrl, database, timeoutMs, login: secret.login, apiKey: secret.apiKey })
  }

  return {
    get breakerState() {
      return circuit.opened ? 2 : circuit.halfOpen ? 1 : 0
    },
    async deliver({ model, method, payload, rows }, { requestId, signal }) {
      for (let failures = 0; ; failures++) {
        signal.throwIfAborted()
        const started = performance.now()
        try {
          const answer = await circuit.fire({ model, method, payload, requestId, signal })
          onCall('stored')
          const milliseconds = Math.round(performance.now() - started)
          logger.debug({ model, rows, requestId, milliseconds }, 'Odoo has taken rows')
          return answer
        } catch (error) {
          signal.throwIfAborted()
          if (error instanceof OdooRefused) {
            onCall('refused')
            throw error
          }
          onCall('unavailable')
          const seconds = Math.min(2 ** Math.min(failures, 12), odoo.retryMaxSeconds)
          if (failures === 0)
            logger.warn({ err: error, model, requestId, seconds }, 'Odoo does not take rows; they wait')
          // Jitter, so that several waiting calls do not come back together.
          await wait(seconds * 1000 * (0.75 + Math.random() / 4), undefined, { signal }).catch(() => undefined)
        }
      }
    },
    async close() {
      circuit.shutdown()
      await transport?.then(opened => opened.close()).catch(() => undefined)
    }
  }
}
