import { type Adapter, type AdapterFactory, type AdapterPayload, errors } from 'oidc-provider'

/**
 * The memory of one simulator's token endpoint.
 *
 * oidc-provider's own memory adapter forgets the oldest of 1,000 entries, which would revoke live tokens silently.
 */
export class TokenStore {
  readonly #entries = new Map<string, AdapterPayload>()

  /** Denies every access token issued so far. */
  expireAccessTokens(): void {
    this.#drop(key => key.startsWith('AccessToken:'))
  }

  /** Denies every refresh token issued so far. */
  revokeRefreshTokens(): void {
    this.#drop(key => key.startsWith('RefreshToken:'))
  }

  /** Returns the adapter that oidc-provider asks for each of its models. */
  readonly adapter: AdapterFactory = model => this.#adapterFor(model)

  #adapterFor(model: string): Adapter {
    const entries = this.#entries
    const keyOf = (id: string) => `${model}:${id}`
    const find = async (id: string) => entries.get(keyOf(id))
    return {
      upsert: async (id, payload) => {
        entries.set(keyOf(id), payload)
      },
      find,
      findByUid: find,
      findByUserCode: find,
      destroy: async id => {
        entries.delete(keyOf(id))
      },
      consume: async id => {
        const payload = entries.get(keyOf(id))
        // Two simultaneous uses both pass the provider's check; the second one must not get another pair.
        if (payload === undefined || payload.consumed !== undefined) {
          if (payload?.grantId !== undefined) this.#revokeFamily(payload.grantId)
          throw new errors.InvalidGrant('refresh token already used')
        }
        payload.consumed = Math.floor(Date.now() / 1000)
      },
      revokeByGrantId: async grantId => this.#revokeFamily(grantId)
    }
  }

  #revokeFamily(grantId: string): void {
    this.#drop((key, payload) => payload.grantId === grantId || key === `Grant:${grantId}`)
  }

  #drop(isDropped: (key: string, payload: AdapterPayload) => boolean): void {
    for (const [key, payload] of this.#entries) if (isDropped(key, payload)) this.#entries.delete(key)
  }
}
