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

/** A Vault token and its lease; `leaseMs` is how long it had to live when it was made, `null` for a token without end. */
interface Lease {
  token: string
  isRenewable: boolean
  leaseMs: number | null
  endsAt: number
}

/** A lease is renewed when this part of it has passed, as Vault's own agent does. */
const renewAfter = 2 / 3
/** Renewals end at a token's longest life, towards which leases shrink: below this part of the first it is made anew. */
const worthRenewing = 1 / 2
const shortestTimerMs = 500
const longestTimerMs = 2 ** 31 - 1
const pauseAfterFailureMs = 10_000
const farewellMs = 1_000

/** One login to Vault, kept alive: renewed before it ends, made anew where Vault no longer knows it. */
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
   * Returns Vault's answer to a call with the session's token, after one more login where the token was at its end.
   * @throws SecretStoreUnavailable; ConfigurationError where Vault refuses the login
   */
  async call(send: (token: string) => Promise<VaultAnswer>): Promise<VaultAnswer> {
    const lease = await this.#present()
    const answer = await send(lease.token)
    // 403 says that the token is unknown or that it may not do this; in the latter case another login is of no use.
    if (answer.status !== 403 || (this.#lease === lease && (await this.#isAlive(lease)))) return answer
    if (this.#lease === lease) this.#lease = null
    return send((await this.#present()).token)
  }

  /** Ends the renewals and, as far as Vault answers, a token that was made for this session. */
  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    const lease = this.#lease
    this.#lease = null
    if (lease === null || this.#options.login.kind === 'token') return
    // Best effort: left alive, it ends by its lease.
    await this.#api.post('auth/token/revoke-self', {}, lease.token, farewellMs).catch(() => undefined)
  }

  async #present(): Promise<Lease> {
    if (this.#lease !== null && Date.now() < this.#lease.endsAt) return this.#lease
    // One login for all who wait.
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

  /** Read anew at each login, so that a token put in its place works without a restart. */
  async #adoptToken({ tokenFile }: { tokenFile: string }): Promise<Lease> {
    const token = await readCredential('SDMK_VAULT_TOKEN_FILE', tokenFile)
    const { status, body } = await this.#api.get('auth/token/lookup-self', token)
    if (!lookupSchema.Check(body)) throw refused('SDMK_VAULT_TOKEN_FILE', 'the token in it', status)
    const lease = leaseOf(token, body.data.ttl, body.data.renewable ?? false)
    if (lease.leaseMs !== null && !lease.isRenewable) {
      const endsAt = new Date(lease.endsAt).toISOString()
      this.#logger.warn({ ends_at: endsAt }, 'the Vault token cannot be renewed; its file needs another one in time')
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
    // A little earlier at random, so that replicas that started together do not come together.
    const delay = Math.min(Math.max(afterMs * (0.9 + Math.random() / 10), shortestTimerMs), longestTimerMs)
    // The session is everybody's, whoever needed it first.
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
    // 0 seconds of a token that had an end: there is nothing left of its longest life.
    return renewed?.leaseMs == null ? null : renewed
  }

  async #logInAgain(former: Lease): Promise<void> {
    this.#lease = null
    try {
      await this.#present()
    } catch (error) {
      // What is left of the former one is used up.
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

/** Ten years; the end of a longer lease could not be written as a date. */
const longestLeaseSeconds = 315_360_000

/** A token of 0 seconds has no end: that is how Vault writes a root token. */
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
  if (!/^[\x21-\x7e]+$/.test(text)) throw new ConfigurationError(variable, 'its file holds no credential')
  return text
}

function refused(variable: string, what: string, status: number): ConfigurationError {
  return new ConfigurationError(variable, `Vault refuses ${what} (${status})`)
}

function refuse(error: Error): never {
  throw error
}

function inSeconds(milliseconds: number | null): number | null {
  return milliseconds === null ? null : Math.round(milliseconds / 1000)
}
