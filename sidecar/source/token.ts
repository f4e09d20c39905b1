import { SdmkError } from '../errors.ts'
import { abortable } from '../platform/abortable.ts'
import { SecretChanged } from '../secrets/errors.ts'
import { KkiError, KkiTokenRefused, TokenRefreshFailed } from './errors.ts'
import { type Grant, type GrantOutcome, requestGrant, type TokenAuthentication } from './grant.ts'
import type { KkiHttp } from './http.ts'
import type { KkiSettings } from './options.ts'
import { asKkiError } from './secret-fault.ts'
import { fromSecret, isDue, type TokenPair, toSecret } from './token-pair.ts'
import type { CallContext } from './types.ts'

/** Name of the secret that holds the present token pair, shared by all processes. */
export const tokenSecret = 'kki-token'
/** Name of the secret that holds what the authentication needs, such as `clientId` and `clientSecret`. */
export const credentialsSecret = 'kki'

/** How often a renewal starts over because others store tokens at that moment. */
const storeRounds = 5

/** An access token; `issuedAt` is when it was asked for, in milliseconds since the epoch. */
export type AccessToken = Pick<TokenPair, 'accessToken' | 'issuedAt'>

/** Where requests get their credentials from. */
export interface Credentials {
  /** Resolves to credentials that can be expected to work. */
  current(context: CallContext): Promise<AccessToken>
  /** Resolves to others than those that KKI refused. */
  replace(refused: AccessToken, context: CallContext): Promise<AccessToken>
}

/** The access token of all fetchers: one renewal at a time inside the process, and across processes by the lock. */
export class TokenSource implements Credentials {
  readonly #settings: KkiSettings
  readonly #authentication: TokenAuthentication
  readonly #http: KkiHttp
  readonly #closing: AbortSignal
  #pair: TokenPair | null = null
  #refused: string | null = null
  #renewal: Promise<AccessToken> | null = null

  /** `closing` ends a renewal: it serves many callers, so no single caller's signal may. */
  constructor(settings: KkiSettings, authentication: TokenAuthentication, http: KkiHttp, closing: AbortSignal) {
    this.#settings = settings
    this.#authentication = authentication
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
          fresh = (await this.#refresh(stored, context)) ?? (await this.#first(context))
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
    if (stored?.refreshToken == null || !this.#usesRefreshToken) return version
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
    return asKkiError(error, 'there is no access token', page)
  }

  /** `null` where there is nothing to refresh with, or KKI refused it, or its answer was lost. */
  async #refresh(stored: TokenPair | null, context: CallContext): Promise<TokenPair | null> {
    if (stored?.refreshToken == null || !this.#usesRefreshToken) return null
    const outcome = await this.#grant({ type: 'refresh_token', refreshToken: stored.refreshToken }, context)
    if (outcome.result === 'ok') return outcome.pair
    // A rate limit holds for the other grant as well, so that one has to wait for the next attempt.
    if (outcome.result === 'failed' && outcome.failure.status === 429) throw outcome.failure
    return null
  }

  get #usesRefreshToken(): boolean {
    return this.#authentication.type === 'oauth2' && this.#authentication.refreshToken
  }

  /** Asks for a token by the credentials themselves. */
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
        `KKI at ${origin} refused the ${isLogin ? 'login' : 'client credentials'} (${reason}); check the secret "${credentialsSecret}"`,
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

/** Returns the secret. @throws TokenRefreshFailed where it lacks one of the fields */
export function requireFields(secret: Record<string, string> | null, names: readonly string[]): Record<string, string> {
  if (secret !== null && names.every(name => secret[name])) return secret
  throw new TokenRefreshFailed(`the secret "${credentialsSecret}" holds no ${names.join(' and ')}`)
}
