import { SdmkError } from '../errors.ts'
import { abortable } from '../platform/abortable.ts'
import { SecretChanged } from '../secrets/errors.ts'
import { KkiError, KkiTokenMissing, TokenRefreshFailed } from './errors.ts'
import { type Grant, type GrantOutcome, requestGrant, type TokenAuthentication } from './grant.ts'
import type { KkiHttp } from './http.ts'
import type { KkiSettings } from './options.ts'
import { asKkiError } from './secret-fault.ts'
import { fromSecret, isDue, type TokenPair, toSecret } from './token-pair.ts'
import type { CallContext } from './types.ts'

/** Name of the secret that holds the present token pair, shared by all processes. */
export const tokenSecret = 'kki-token'
/** Name of the secret with the credentials, such as `clientId` and `clientSecret`. */
export const credentialsSecret = 'kki'

/** How often a renewal is repeated because others store tokens at the same time. */
const storeRounds = 5

/** An access token; `issuedAt` is the time of its request, in milliseconds since the epoch. */
export type AccessToken = Pick<TokenPair, 'accessToken' | 'issuedAt'>

/** The provider of credentials for requests. */
export interface Credentials {
  /** Resolves to credentials that should work. */
  current(context: CallContext): Promise<AccessToken>
  /** Resolves to credentials other than those that KKI denied. */
  replace(denied: AccessToken, context: CallContext): Promise<AccessToken>
}

/** The shared access token: one renewal at a time within the process, and across processes by the lock. */
export class TokenSource implements Credentials {
  readonly #settings: KkiSettings
  readonly #authentication: TokenAuthentication
  readonly #http: KkiHttp
  readonly #closing: AbortSignal
  #pair: TokenPair | null = null
  #denied: string | null = null
  #renewal: Promise<AccessToken> | null = null

  /** Only `closing` aborts a renewal, because it serves many callers and not a single caller's signal. */
  constructor(settings: KkiSettings, authentication: TokenAuthentication, http: KkiHttp, closing: AbortSignal) {
    this.#settings = settings
    this.#authentication = authentication
    this.#http = http
    this.#closing = closing
  }

  /**
   * Resolves to an access token that is not about to expire.
   * @throws TokenRefreshFailed if KKI denies the credentials, or they cannot be used; KkiTokenMissing for another status;
   *   AttemptFailed without a usable answer; KkiRetryLater while the secrets are unavailable.
   */
  async current(context: CallContext): Promise<AccessToken> {
    if (this.#pair !== null && this.#isUsable(this.#pair)) return this.#pair
    return await this.#renew(context)
  }

  /** Resolves to an access token other than `denied`, which KKI answered with 401; throws like `current`. */
  async replace({ accessToken: denied }: AccessToken, context: CallContext): Promise<AccessToken> {
    // A late 401 for a token that has been replaced since must not discard its successor.
    if (this.#pair === null || this.#pair.accessToken === denied) this.#denied = denied
    return await this.current(context)
  }

  #isUsable(pair: TokenPair): boolean {
    return pair.accessToken !== this.#denied && !isDue(pair, Date.now(), this.#settings.tokenRefreshAheadMs)
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
   * Runs under the lock. The lock may end with its connection, so the store may show that another process was faster:
   * then its pair is read, and used if possible.
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
          fresh = (await this.#refresh(stored, context)) ?? (await this.#first(context))
        }
        // Stored before use: the old pair is spent, so a new pair only in memory would be lost with this process.
        await secrets.replace(tokenSecret, over, toSecret(fresh))
        return this.#adopt(fresh)
      } catch (error) {
        if (!(error instanceof SecretChanged) || round === storeRounds) throw error
      }
    }
  }

  /**
   * Removes the refresh token from the store before it is sent, and returns the new version. A token that is sent twice
   * revokes its whole family, and a lost answer leaves unknown whether it was used.
   */
  async #takeOut(stored: TokenPair | null, version: string): Promise<string> {
    if (stored?.refreshToken == null || !this.#usesRefreshToken) return version
    return this.#settings.secrets.replace(tokenSecret, version, toSecret({ ...stored, refreshToken: null }))
  }

  #adopt(pair: TokenPair): AccessToken {
    this.#pair = pair
    this.#settings.observer.onTokenExpires?.(Math.floor(pair.expiresAt / 1000))
    return pair
  }

  /** An error of the store of secrets ends or postpones a batch, like an error of KKI. */
  #asKkiError(error: unknown, { page }: CallContext): unknown {
    if (!(error instanceof SdmkError) || error instanceof KkiError) return error
    const { observer, logger } = this.#settings
    observer.onTokenRefresh?.('failed')
    logger.error({ err: error, code: error.code }, 'no access token is available because of the secrets')
    return asKkiError(error, 'there is no access token', page)
  }

  /** `null` without a refresh token, after KKI's denial, or if its answer was lost. */
  async #refresh(stored: TokenPair | null, context: CallContext): Promise<TokenPair | null> {
    if (stored?.refreshToken == null || !this.#usesRefreshToken) return null
    const outcome = await this.#grant({ type: 'refresh_token', refreshToken: stored.refreshToken }, context)
    if (outcome.result === 'ok') return outcome.pair
    // A rate limit applies to the other grant as well, which therefore waits for the next attempt.
    if (outcome.result === 'failed' && outcome.failure.status === 429) throw outcome.failure
    return null
  }

  get #usesRefreshToken(): boolean {
    return this.#authentication.type === 'oauth2' && this.#authentication.refreshToken
  }

  /** Requests a token with the credentials themselves. */
  async #first(context: CallContext): Promise<TokenPair> {
    const isLogin = this.#authentication.type === 'session'
    const outcome = await this.#grant({ type: isLogin ? 'login' : 'client_credentials' }, context)
    if (outcome.result === 'ok') return outcome.pair
    if (outcome.result === 'failed') throw outcome.failure
    const { status, reason } = outcome
    const { origin } = this.#settings.baseUrl
    const details = { status, page: context.page }
    if (isAboutCredentials(outcome)) {
      throw new TokenRefreshFailed(
        `KKI at ${origin} denied the ${isLogin ? 'login' : 'client credentials'} (${reason}); check the secret "${credentialsSecret}"`,
        details
      )
    }
    const isRedirect = status >= 300 && status < 400
    throw new KkiTokenMissing(
      `KKI at ${origin} answered the request for a token with ${isRedirect ? `a redirect (${reason})` : `status ${reason}`}`,
      details
    )
  }

  async #grant(grant: Grant, context: CallContext): Promise<GrantOutcome> {
    const { secrets, baseUrl, observer, logger } = this.#settings
    const authentication = this.#authentication
    // Read for each grant, so that rotated credentials work without a restart.
    const secret = requireFields(
      await secrets.read(credentialsSecret),
      authentication.type === 'oauth2' ? ['clientId', 'clientSecret'] : ['username', 'password']
    )
    const outcome = await requestGrant(this.#http, { baseUrl, authentication }, grant, secret, context)
    observer.onTokenRefresh?.(outcome.result)
    const fields = { grant_type: grant.type, sent_request_id: context.requestId, trace_id: context.traceId }
    if (outcome.result === 'ok') logger.info(fields, 'KKI issued an access token')
    else if (outcome.result === 'denied') logger.warn({ ...fields, reason: outcome.reason }, 'KKI denied a token grant')
    else logger.warn({ ...fields, problem: outcome.failure.message }, 'KKI did not answer a token grant')
    return outcome
  }
}

/** A redirect, 403 or 404 does not concern the secret; neither does a 400 for the scope or the grant type. */
function isAboutCredentials({ status, reason }: { status: number; reason: string }): boolean {
  return status === 401 || (status === 400 && !/ (?:invalid_scope|unsupported_grant_type)$/.test(reason))
}

/** Returns the secret. @throws TokenRefreshFailed if it lacks one of the fields */
export function requireFields(secret: Record<string, string> | null, names: readonly string[]): Record<string, string> {
  if (secret !== null && names.every(name => secret[name])) return secret
  throw new TokenRefreshFailed(`the secret "${credentialsSecret}" lacks ${names.join(' and ')}`)
}
