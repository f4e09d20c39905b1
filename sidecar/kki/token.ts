import { TokenRefreshFailed } from './errors.ts'
import { type Grant, type GrantOutcome, requestGrant } from './grant.ts'
import type { KkiHttp } from './http.ts'
import type { KkiSettings } from './options.ts'
import { fromSecret, isDue, type TokenPair, toSecret } from './token-pair.ts'
import type { CallContext } from './types.ts'

/** Name of the secret that holds the present token pair, shared by all processes. */
export const tokenSecret = 'kki-token'
/** Name of the secret that holds `clientId` and `clientSecret`. */
export const credentialsSecret = 'kki'

/** The access token of all fetchers: one renewal at a time inside the process, and across processes by the lock. */
export class TokenSource {
  readonly #settings: KkiSettings
  readonly #http: KkiHttp
  readonly #closing: AbortSignal
  #pair: TokenPair | null = null
  #refused: string | null = null
  #renewal: Promise<string> | null = null

  /** `closing` ends a renewal: it serves many callers, so no single caller's signal may. */
  constructor(settings: KkiSettings, http: KkiHttp, closing: AbortSignal) {
    this.#settings = settings
    this.#http = http
    this.#closing = closing
  }

  /**
   * Resolves to an access token that is not about to expire.
   * @throws TokenRefreshFailed where KKI refuses the credentials; AttemptFailed where it gives no usable answer.
   */
  async current(context: CallContext): Promise<string> {
    if (this.#pair !== null && this.#isUsable(this.#pair)) return this.#pair.accessToken
    return await this.#renew(context)
  }

  /** Resolves to another access token than `refused`, to which KKI answered 401; throws like `current`. */
  async replace(refused: string, context: CallContext): Promise<string> {
    // A late 401 for a token that has been replaced since must not discard its successor.
    if (this.#pair === null || this.#pair.accessToken === refused) this.#refused = refused
    return await this.current(context)
  }

  #isUsable(pair: TokenPair): boolean {
    return pair.accessToken !== this.#refused && !isDue(pair, Date.now(), this.#settings.tokenRefreshAheadMs)
  }

  async #renew(context: CallContext): Promise<string> {
    this.#renewal ??= this.#settings
      .withTokenLock(() => this.#obtain({ ...context, signal: this.#closing }))
      .finally(() => {
        this.#renewal = null
      })
    return await abortable(this.#renewal, context.signal)
  }

  async #obtain(context: CallContext): Promise<string> {
    const stored = fromSecret(await this.#settings.secrets.read(tokenSecret))
    // Another process may have renewed it while this one waited for the lock.
    if (stored !== null && this.#isUsable(stored)) return this.#adopt(stored)
    const pair = (await this.#refresh(stored, context)) ?? (await this.#clientCredentials(context))
    // Stored before use: a pair that only this process knew would be lost with it, and the old one is spent.
    await this.#settings.secrets.write(tokenSecret, toSecret(pair))
    return this.#adopt(pair)
  }

  #adopt(pair: TokenPair): string {
    this.#pair = pair
    this.#settings.observer.onTokenExpires?.(Math.floor(pair.expiresAt / 1000))
    return pair.accessToken
  }

  /** `null` where there is nothing to refresh with, or KKI refused it, or its answer was lost. */
  async #refresh(stored: TokenPair | null, context: CallContext): Promise<TokenPair | null> {
    if (stored?.refreshToken == null) return null
    // Taken out of the store before it is sent: sent twice, it would revoke its whole family, and whether a request
    // whose answer was lost has spent it cannot be known.
    await this.#settings.secrets.write(tokenSecret, toSecret({ ...stored, refreshToken: null }))
    const outcome = await this.#grant({ grant_type: 'refresh_token', refresh_token: stored.refreshToken }, context)
    if (outcome.result === 'ok') return outcome.pair
    // A rate limit holds for the other grant as well, so that one has to wait for the next attempt.
    if (outcome.result === 'failed' && outcome.failure.status === 429) throw outcome.failure
    return null
  }

  async #clientCredentials(context: CallContext): Promise<TokenPair> {
    const outcome = await this.#grant({ grant_type: 'client_credentials', scope: 'nakes.read' }, context)
    if (outcome.result === 'ok') return outcome.pair
    if (outcome.result === 'failed') throw outcome.failure
    throw new TokenRefreshFailed(
      `KKI at ${this.#settings.baseUrl.origin} refused the client credentials (${outcome.reason}); ` +
        `check the secret "${credentialsSecret}"`,
      { status: outcome.status, page: context.page }
    )
  }

  async #grant(grant: Grant, context: CallContext): Promise<GrantOutcome> {
    const { secrets, baseUrl, observer, logger } = this.#settings
    // Read for each grant, so that rotated credentials work without a restart.
    const credentials = await secrets.read(credentialsSecret)
    if (!credentials?.clientId || !credentials.clientSecret) {
      throw new TokenRefreshFailed(`the secret "${credentialsSecret}" holds no clientId and clientSecret`)
    }
    const { clientId, clientSecret } = credentials
    const outcome = await requestGrant(
      this.#http,
      baseUrl,
      { ...grant, client_id: clientId, client_secret: clientSecret },
      context
    )
    observer.onTokenRefresh?.(outcome.result)
    const fields = { grantType: grant.grant_type, requestId: context.requestId, traceId: context.traceId }
    if (outcome.result === 'ok') logger.info(fields, 'KKI issued an access token')
    else if (outcome.result === 'refused')
      logger.warn({ ...fields, reason: outcome.reason }, 'KKI refused a token grant')
    else logger.warn({ ...fields, problem: outcome.failure.message }, 'KKI did not answer a token grant')
    return outcome
  }
}

/** Settles as `work` does, or rejects with the signal's reason as soon as that aborts; `work` goes on for others. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const onAbort = (): void => reject(signal.reason)
  if (signal.aborted) onAbort()
  else signal.addEventListener('abort', onAbort, { once: true })
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  return promise
}
