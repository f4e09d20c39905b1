import { SdmkError } from '../errors.ts'
import { abortable } from '../platform/abortable.ts'
import { SecretChanged } from '../secrets/errors.ts'
import { KkiError, KkiRetryLater, KkiTokenRefused, TokenRefreshFailed } from './errors.ts'
import { type Grant, type GrantOutcome, requestGrant } from './grant.ts'
import type { KkiHttp } from './http.ts'
import type { KkiSettings } from './options.ts'
import { fromSecret, isDue, type TokenPair, toSecret } from './token-pair.ts'
import type { CallContext } from './types.ts'

/** Name of the secret that holds the present token pair, shared by all processes. */
export const tokenSecret = 'kki-token'
/** Name of the secret that holds `clientId` and `clientSecret`. */
export const credentialsSecret = 'kki'

/** How often a renewal starts over because others store tokens at that moment. */
const storeRounds = 5
/** When to ask again for a token while the secrets cannot be had. */
const storePauseMs = 15_000

/** An access token; `issuedAt` is when it was asked for, in milliseconds since the epoch. */
export type AccessToken = Pick<TokenPair, 'accessToken' | 'issuedAt'>

/** The access token of all fetchers: one renewal at a time inside the process, and across processes by the lock. */
export class TokenSource {
  readonly #settings: KkiSettings
  readonly #http: KkiHttp
  readonly #closing: AbortSignal
  #pair: TokenPair | null = null
  #refused: string | null = null
  #renewal: Promise<AccessToken> | null = null

  /** `closing` ends a renewal: it serves many callers, so no single caller's signal may. */
  constructor(settings: KkiSettings, http: KkiHttp, closing: AbortSignal) {
    this.#settings = settings
    this.#http = http
    this.#closing = closing
  }

  /**
   * Resolves to an access token that is not about to expire.
   * @throws TokenRefreshFailed where KKI refuses the credentials, or they cannot be used; KkiTokenRefused where it answers
   *   with another status; AttemptFailed where it gives no usable answer; KkiRetryLater while the secrets are out of reach.
   */
  async current(context: CallContext): Promise<AccessToken> {
    if (this.#pair !== null && this.#isUsable(this.#pair)) return this.#pair
    return await this.#renew(context)
  }

  /** Resolves to another access token than `refused`, to which KKI answered 401; throws like `current`. */
  async replace({ accessToken: refused }: AccessToken, context: CallContext): Promise<AccessToken> {
    // A late 401 for a token that has been replaced since must not discard its successor.
    if (this.#pair === null || this.#pair.accessToken === refused) this.#refused = refused
    return await this.current(context)
  }

  #isUsable(pair: TokenPair): boolean {
    return pair.accessToken !== this.#refused && !isDue(pair, Date.now(), this.#settings.tokenRefreshAheadMs)
  }

  async #renew(context: CallContext): Promise<AccessToken> {
    this.#renewal ??= this.#settings
      .withTokenLock(() => this.#obtain({ ...context, signal: this.#closing }))
      .catch(error => {
        throw this.#asKkiError(error, context)
      })
      .finally(() => {
        this.#renewal = null
      })
    return await abortable(this.#renewal, context.signal)
  }

  /**
   * Runs under the lock. A store may show all the same that somebody was quicker (a lock ends with its connection): then
   * what they stored is read, and used if it can be.
   */
  async #obtain(context: CallContext): Promise<AccessToken> {
    const { secrets } = this.#settings
    let fresh: TokenPair | null = null
    for (let round = 1; ; round++) {
      const { value, version } = await secrets.readVersion(tokenSecret)
      const stored = fromSecret(value)
      // Another process may have renewed it while this one waited for the lock.
      if (stored !== null && this.#isUsable(stored)) return this.#adopt(stored)
      try {
        let over = version
        if (fresh === null) {
          over = await this.#takeOut(stored, version)
          fresh = (await this.#refresh(stored, context)) ?? (await this.#clientCredentials(context))
        }
        // Stored before use: a pair that only this process knew would be lost with it, and the old one is spent.
        await secrets.replace(tokenSecret, over, toSecret(fresh))
        return this.#adopt(fresh)
      } catch (error) {
        if (!(error instanceof SecretChanged) || round === storeRounds) throw error
      }
    }
  }

  /**
   * Takes the refresh token out of the store before it is sent, and returns the version that this makes: sent twice, it
   * would revoke its whole family, and whether a request whose answer was lost has spent it cannot be known.
   */
  async #takeOut(stored: TokenPair | null, version: string): Promise<string> {
    if (stored?.refreshToken == null) return version
    return this.#settings.secrets.replace(tokenSecret, version, toSecret({ ...stored, refreshToken: null }))
  }

  #adopt(pair: TokenPair): AccessToken {
    this.#pair = pair
    this.#settings.observer.onTokenExpires?.(Math.floor(pair.expiresAt / 1000))
    return pair
  }

  /** What the store of secrets did wrong ends or postpones a batch like what KKI does. */
  #asKkiError(error: unknown, { page }: CallContext): unknown {
    if (!(error instanceof SdmkError) || error instanceof KkiError) return error
    const { observer, logger } = this.#settings
    observer.onTokenRefresh?.('failed')
    logger.error({ err: error, code: error.code }, 'no access token can be had because of the secrets')
    const message = `there is no access token: ${error.message}`
    return error.retryable
      ? new KkiRetryLater(message, storePauseMs, { page, cause: error })
      : new TokenRefreshFailed(message, { page, cause: error })
  }

  /** `null` where there is nothing to refresh with, or KKI refused it, or its answer was lost. */
  async #refresh(stored: TokenPair | null, context: CallContext): Promise<TokenPair | null> {
    if (stored?.refreshToken == null) return null
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
    const { status, reason } = outcome
    const { origin } = this.#settings.baseUrl
    const details = { status, page: context.page }
    if (isAboutCredentials(outcome)) {
      throw new TokenRefreshFailed(
        `KKI at ${origin} refused the client credentials (${reason}); check the secret "${credentialsSecret}"`,
        details
      )
    }
    const isRedirect = status >= 300 && status < 400
    throw new KkiTokenRefused(
      `KKI at ${origin} answered the request for a token with ${isRedirect ? `a redirect (${reason})` : `status ${reason}`}`,
      details
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
    const fields = { grant_type: grant.grant_type, sent_request_id: context.requestId, trace_id: context.traceId }
    if (outcome.result === 'ok') logger.info(fields, 'KKI issued an access token')
    else if (outcome.result === 'refused')
      logger.warn({ ...fields, reason: outcome.reason }, 'KKI refused a token grant')
    else logger.warn({ ...fields, problem: outcome.failure.message }, 'KKI did not answer a token grant')
    return outcome
  }
}

/** A redirect, 403 or 404 says nothing about the secret; neither does a 400 for the scope or the grant type. */
function isAboutCredentials({ status, reason }: { status: number; reason: string }): boolean {
  return status === 401 || (status === 400 && !/ (?:invalid_scope|unsupported_grant_type)$/.test(reason))
}
