import { KkiBreaker } from './breaker.ts'
import { KkiDenied } from './errors.ts'
import { createHttp, type KkiHttp } from './http.ts'
import { type KkiClientOptions, type KkiSettings, settingsOf } from './options.ts'
import { compileAttempt } from './page.ts'
import { countingOf } from './paging.ts'
import { withRetries } from './retry.ts'
import { StaticCredentials } from './static-credentials.ts'
import { type Credentials, TokenSource } from './token.ts'
import type { CallContext, KkiClient, KkiPage, KkiQuery } from './types.ts'

/**
 * Returns a client for the described source with its own connections, token and breaker; `close` ends all of them, calls included.
 *
 * The layers: one attempt (token, request, body, parse), inside retries, inside a circuit breaker around the whole page.
 * @throws TypeError if `baseUrl` is not a URL.
 */
export function createKkiClient(options: KkiClientOptions): KkiClient {
  const settings = settingsOf(options)
  const closing = new AbortController()
  const http = createHttp(settings)
  const attempt = compileAttempt(settings, http, credentialsFor(settings, http, closing.signal))
  const breaker = new KkiBreaker(settings, (query, context) =>
    withRetries(settings, context, () => attempt(query, context))
  )

  async function fetchPage(query: KkiQuery, context: CallContext): Promise<KkiPage> {
    const signal = AbortSignal.any([context.signal, closing.signal])
    // Checked here, because a call that is already aborted must not use up the breaker's only probe.
    signal.throwIfAborted()
    return await breaker.fire(query, { ...context, signal })
  }

  return {
    fetchPage,
    async fetchByStr(strNumber, context) {
      try {
        const page = await fetchPage({ strNumber }, context)
        return page.rows.length === 0 ? null : page
      } catch (error) {
        if (error instanceof KkiDenied && error.status === 404) return null
        throw error
      }
    },
    canAskByStr: settings.description.oneByStr !== null,
    counting: countingOf(settings.description),
    async now(context) {
      const { clock } = settings.description
      if (clock.from === 'own') return Date.now() - clock.marginSeconds * 1000
      const { sourceNow, release } = await fetchPage({ limit: 1 }, context)
      release()
      return sourceNow
    },
    get breakerState() {
      return breaker.state
    },
    async close() {
      closing.abort(new DOMException('the KKI client was closed', 'AbortError'))
      breaker.close()
      await http.close()
    }
  }
}

function credentialsFor(settings: KkiSettings, http: KkiHttp, closing: AbortSignal): Credentials {
  const { authentication } = settings.description
  return authentication.type === 'oauth2' || authentication.type === 'session'
    ? new TokenSource(settings, authentication, http, closing)
    : new StaticCredentials(settings, authentication)
}
