import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { ConfigurationError } from '../errors.ts'
import { readTextFile } from '../platform/strict-text.ts'
import { apart } from '../platform/tracing.ts'
import type { VaultAnswer, VaultApi } from './vault-api.ts'
import type { VaultLogger, VaultOptions } from './vault-options.ts'

const authSchema = Compile(
  Type.Object({
    auth: Type.Object({
      client_token: Type.String({ minLength: 1 }),
      lease_duration: Type.Number({ minimum: 0 }),
      renewable: Type.Boolean()
    })
  })
)
const lookupSchema = Compile(
  Type.Object({ data: Type.Object({ ttl: Type.Number({ minimum: 0 }), renewable: Type.Optional(Type.Boolean()) }) })
)

/** A Vault token and its lease; `leaseMs` is its lifetime at creation, `null` for a token without an end. */
interface Lease {
  token: string
  isRenewable: boolean
  leaseMs: number | null
  endsAt: number
}

/** A lease is renewed after this part of it, as in Vault's own agent. */
const renewAfter = 2 / 3
/** Leases shrink towards the token's maximum lifetime. Below this part of the first lease, a new token is created. */
const worthRenewing = 1 / 2
const shortestTimerMs = 500
const longestTimerMs = 2 ** 31 - 1
const pauseAfterFailureMs = 10_000
const farewellMs = 1_000

/** One login to Vault: renewed before it ends, and repeated if Vault no longer knows the token. */
export class VaultSession {
  readonly #api: VaultApi
  readonly #options: VaultOptions
  readonly #logger: VaultLogger
  #lease: Lease | null = null
  #firstLeaseMs = 0
  #login: Promise<Lease> | null = null
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(api: VaultApi, options: VaultOptions, logger: VaultLogger) {
    this.#api = api
    this.#options = options
    this.#logger = logger
  }

  /** Logs in. @throws like `call` */
  async start(): Promise<void> {
    await this.#present()
  }

  /**
   * Returns Vault's answer to a call with the session's token, after another login if the token has expired.
   * @throws SecretStoreUnavailable; ConfigurationError if Vault denies the login
   */
  async call(send: (token: string) => Promise<VaultAnswer>): Promise<VaultAnswer> {
    const lease = await this.#present()
    const answer = await send(lease.token)
    // 403 means that the token is unknown or lacks the right; in the latter case another login does not help.
    if (answer.status !== 403 || (this.#lease === lease && (await this.#isAlive(lease)))) return answer
    if (this.#lease === lease) this.#lease = null
    return send((await this.#present()).token)
  }

  /** Ends the renewals and, if Vault answers, revokes a token that was created for this session. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const lease = this.#lease
    this.#lease = null
    if (lease === null || this.#options.login.kind === 'token') return
    // Best effort: otherwise the token expires with its lease.
    await this.#api.post('auth/token/revoke-self', {}, lease.token, farewellMs).catch(() => undefined)
  }

  async #present(): Promise<Lease> {
    if (this.#lease !== null && Date.now() < this.#lease.endsAt) return this.#lease
    // One login for all waiting calls.
    this.#login ??= this.#logIn().finally(() => {
      this.#login = null
    })
    return this.#login
  }

  async #logIn(): Promise<Lease> {
    const { login } = this.#options
    const lease = await (login.kind === 'token' ? this.#adoptToken(login) : this.#logInAsRole(login))
    this.#firstLeaseMs = lease.leaseMs ?? 0
    this.#logger.info({ method: login.kind, lease_seconds: inSeconds(lease.leaseMs) }, 'logged in to Vault')
    return this.#keep(lease)
  }

  /** Read again at each login, so that a replaced token works without a restart. */
  async #adoptToken({ tokenFile }: { tokenFile: string }): Promise<Lease> {
    const token = await readCredential('SDMK_VAULT_TOKEN_FILE', tokenFile)
    const { status, body } = await this.#api.get('auth/token/lookup-self', token)
    if (!lookupSchema.Check(body)) throw refused('SDMK_VAULT_TOKEN_FILE', 'the token in it', status)
    const lease = leaseOf(token, body.data.ttl, body.data.renewable ?? false)
    if (lease.leaseMs !== null && !lease.isRenewable) {
      const endsAt = new Date(lease.endsAt).toISOString()
      this.#logger.warn(
        { ends_at: endsAt },
        'the Vault token cannot be renewed; put a new token into its file before it ends'
      )
    }
    return lease
  }

  async #logInAsRole(login: { mount: string; roleId: string; secretIdFile: string }): Promise<Lease> {
    const secretId = await readCredential('SDMK_VAULT_SECRET_ID_FILE', login.secretIdFile)
    const answer = await this.#api.post(
      `auth/${login.mount}/login`,
      { role_id: login.roleId, secret_id: secretId },
      null
    )
    return leaseFrom(answer) ?? refuse(refused('SDMK_VAULT_SECRET_ID_FILE', 'this role and secret id', answer.status))
  }

  #keep(lease: Lease): Lease {
    this.#lease = lease
    if (lease.leaseMs !== null) this.#schedule(lease.leaseMs * renewAfter)
    return lease
  }

  #schedule(afterMs: number): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    // A little earlier at random, so that replicas that started together do not renew at the same time.
    const delay = Math.min(Math.max(afterMs * (0.9 + Math.random() / 10), shortestTimerMs), longestTimerMs)
    // All work shares the session, so its renewal belongs to no trace.
    this.#timer = setTimeout(() => void apart(() => this.#renew()), delay).unref()
  }

  async #renew(): Promise<void> {
    const lease = this.#lease
    if (lease === null) return
    try {
      const renewed = lease.isRenewable ? await this.#prolong(lease) : null
      if (renewed === null || isNearItsEnd(renewed, this.#firstLeaseMs)) await this.#logInAgain(lease)
      else this.#keep(renewed)
    } catch (error) {
      this.#logger.error(
        { err: error, ends_at: new Date(lease.endsAt).toISOString() },
        'the login to Vault was not renewed; it is tried again'
      )
      this.#schedule(Math.min(pauseAfterFailureMs, Math.max(1000, (lease.endsAt - Date.now()) / 3)))
    }
  }

  async #prolong({ token }: Lease): Promise<Lease | null> {
    const renewed = leaseFrom(await this.#api.post('auth/token/renew-self', {}, token))
    // 0 seconds for a token with an end: its maximum lifetime is over.
    return renewed?.leaseMs == null ? null : renewed
  }

  async #logInAgain(former: Lease): Promise<void> {
    this.#lease = null
    try {
      await this.#present()
    } catch (error) {
      // The former token is used until it expires.
      this.#lease ??= former
      throw error
    }
  }

  async #isAlive({ token }: Lease): Promise<boolean> {
    return (await this.#api.get('auth/token/lookup-self', token)).status === 200
  }
}

function isNearItsEnd({ leaseMs }: Lease, firstLeaseMs: number): boolean {
  return leaseMs !== null && leaseMs < firstLeaseMs * worthRenewing
}

function leaseFrom({ body }: VaultAnswer): Lease | null {
  if (!authSchema.Check(body)) return null
  const { client_token: token, lease_duration: seconds, renewable } = body.auth
  return leaseOf(token, seconds, renewable)
}

/** Ten years; the end of a longer lease is not a valid date. */
const longestLeaseSeconds = 315_360_000

/** A token with 0 seconds has no end: Vault reports a root token so. */
function leaseOf(token: string, seconds: number, isRenewable: boolean): Lease {
  const leaseMs = seconds === 0 ? null : Math.min(seconds, longestLeaseSeconds) * 1000
  return { token, isRenewable, leaseMs, endsAt: leaseMs === null ? Number.POSITIVE_INFINITY : Date.now() + leaseMs }
}

async function readCredential(variable: string, file: string): Promise<string> {
  let text: string
  try {
    text = (await readTextFile(file)).trim()
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigurationError(variable, `its file cannot be read (${code})`)
  }
  // Visible ASCII: anything else could not be sent in a header.
  if (!/^[\x21-\x7e]+$/.test(text)) throw new ConfigurationError(variable, 'its file contains no credential')
  return text
}

function refused(variable: string, what: string, status: number): ConfigurationError {
  return new ConfigurationError(variable, `Vault denies ${what} (${status})`)
}

function refuse(error: Error): never {
  throw error
}

function inSeconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds / 1000)
}
