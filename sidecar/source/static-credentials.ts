import type { Authentication } from './description.ts'
import { TokenRefreshFailed } from './errors.ts'
import { basic } from './grant.ts'
import type { KkiSettings } from './options.ts'
import { asKkiError } from './secret-fault.ts'
import { type AccessToken, type Credentials, credentialsSecret, requireFields } from './token.ts'
import type { CallContext } from './types.ts'

/** The kinds of authentication that send unchanged credentials with each request. */
export type StaticAuthentication = Extract<Authentication, { type: 'bearer' | 'api_key' | 'basic' | 'none' }>

/** After this time a rotated secret is used, or at once if KKI denies the old one. */
const keptMs = 300_000

/** Credentials from the secret. */
export class StaticCredentials implements Credentials {
  readonly #settings: KkiSettings
  readonly #authentication: StaticAuthentication
  #kept: AccessToken | null = null

  constructor(settings: KkiSettings, authentication: StaticAuthentication) {
    this.#settings = settings
    this.#authentication = authentication
  }

  /** @throws TokenRefreshFailed if the secret cannot be used, KkiRetryLater while it is unavailable */
  async current({ page }: CallContext): Promise<AccessToken> {
    if (this.#kept !== null && Date.now() < this.#kept.issuedAt + keptMs) return this.#kept
    if (this.#authentication.type === 'none') return { accessToken: '', issuedAt: Date.now() }
    try {
      const secret = await this.#settings.secrets.read(credentialsSecret)
      this.#kept = { accessToken: sentValue(this.#authentication, secret), issuedAt: Date.now() }
      return this.#kept
    } catch (error) {
      throw asKkiError(error, 'there are no credentials', page)
    }
  }

  /** @throws TokenRefreshFailed if the secret still has the denied credentials */
  async replace(denied: AccessToken, context: CallContext): Promise<AccessToken> {
    if (this.#kept?.accessToken === denied.accessToken) this.#kept = null
    const other = await this.current(context)
    if (other.accessToken !== denied.accessToken) return other
    const { origin } = this.#settings.baseUrl
    throw new TokenRefreshFailed(`KKI at ${origin} denied the credentials; check the secret "${credentialsSecret}"`, {
      page: context.page
    })
  }
}

/** Returns the credentials to send. @throws TokenRefreshFailed if the secret lacks them */
function sentValue({ type }: StaticAuthentication, secret: Record<string, string> | null): string {
  switch (type) {
    case 'bearer':
      return sendable(requireFields(secret, ['token']).token)
    case 'api_key':
      return sendable(requireFields(secret, ['apiKey']).apiKey)
    case 'basic': {
      const { username = '', password = '' } = requireFields(secret, ['username', 'password'])
      return basic(username, password)
    }
    case 'none':
      return ''
  }
}

function sendable(value = ''): string {
  if (/^[\x21-\x7e]+$/.test(value)) return value
  throw new TokenRefreshFailed(`the secret "${credentialsSecret}" contains a character that cannot be sent`)
}
