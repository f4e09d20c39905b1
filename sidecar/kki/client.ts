import { KkiBreaker } from './breaker.ts'
import { KkiRefused } from './errors.ts'
import { createHttp } from './http.ts'
import { type KkiClientOptions, settingsOf } from './options.ts'
import { attemptPage } from './page.ts'
import { withRetries } from './retry.ts'
import { TokenSource } from './token.ts'
import type { CallContext, KkiClient, KkiPage, KkiQuery } from './types.ts'

/**
 * Returns a client for KKI with its own connections, token and breaker; `close` ends all of them, calls included.
 *
 * From the inside out: one attempt (token, request, body, parse), its retries, the breaker around a page as a whole.
 * @throws TypeError where `baseUrl` is not a URL.
 */
export function createKkiClient(options: KkiClientOptions): KkiClient {
  const settings = settingsOf(options)
  const closing = new AbortController()
  const http = createHttp(settings)
  const tokens = new TokenSource(settings, http, closing.signal)
  const breaker = new KkiBreaker(settings, (query, context) =>
    withRetries(settings, context, () => attemptPage({ settings, http, tokens }, query, context))
  )

  async function fetchPage(query: KkiQuery, context: CallContext): Promise<KkiPage> {
    const signal = AbortSignal.any([context.signal, closing.signal])
    // Checked here, because a call that was over before it began must not use up the breaker's one probe.
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
        if (error instanceof KkiRefused && error.status === 404) return null
        throw error
      }
    },
    async now(context) {
      return (await fetchPage({ limit: 1 }, context)).sourceNow
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
