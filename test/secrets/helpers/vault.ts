import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

/*
 * A stand-in for HashiCorp Vault, written from its HTTP API documentation: KV secrets engine version 2, AppRole auth method,
 * token auth method, `sys/capabilities-self`. It is no Vault: it knows the requests that the connector makes, and their
 * denials. docs/operate/secrets.md says how it is compared with a real server.
 * https://developer.hashicorp.com/vault/api-docs
 */

export type Capability = 'create' | 'read' | 'update' | 'deny' | 'root'

export interface FakeToken {
  /** Paths such as `secret/data/sdmk/kki`, or with a `*` at their end. */
  policy: Record<string, Capability[]>
  renewable?: boolean
  /** Seconds; 0 for a token without end. */
  ttl?: number
  /** Seconds after its creation at which it ends, even if it is renewed. */
  maxTtl?: number
}

interface LiveToken extends Required<FakeToken> {
  madeAt: number
  endsAt: number
}

export interface FakeRole {
  roleId: string
  secretId: string
  token: FakeToken
}

export interface FakeRequest {
  method: string
  /** Without `/v1/`. */
  path: string
  token: string | null
  namespace: string | null
}

type Trouble = 'cut-before' | 'cut-after' | 'silent' | number

export interface FakeVault {
  url: string
  requests: FakeRequest[]
  isSealed: boolean
  roles: FakeRole[]
  /** Each applies to one request; a number is a status. */
  troubles: Trouble[]
  /** Versions that were destroyed for good. */
  destroyed: { key: string; version: number }[]
  addToken(token: FakeToken): string
  /** Ends every token, as a restore or an operator does. */
  revokeAll(): void
  put(path: string, data: Record<string, unknown>): void
  get(path: string): Record<string, unknown> | null
  delete(path: string): void
  count(method: string, path: string): number
  /** Does this before the server closes; hooks of a test run in the order of registration, and the server's is the first. */
  beforeClose(work: () => Promise<unknown>): void
}

/** The policy of a login with all rights below `secret/data/sdmk`. */
export const wholePolicy: FakeToken['policy'] = { 'secret/data/sdmk/*': ['create', 'read', 'update'] }

/** Starts a stand-in with a KV engine at `secret`; it ends with the test. */
export async function startVault(t: TestContext, tls?: { key: string; cert: string }): Promise<FakeVault> {
  const tokens = new Map<string, LiveToken>()
  const secrets = new Map<string, { version: number; data: Record<string, unknown> | null }>()

  const before: (() => Promise<unknown>)[] = []

  const vault: FakeVault = {
    beforeClose: work => void before.push(work),
    url: '',
    requests: [],
    destroyed: [],
    isSealed: false,
    roles: [],
    troubles: [],
    addToken({ policy, renewable = true, ttl = 3600, maxTtl = Number.POSITIVE_INFINITY }) {
      const id = `hvs.${randomUUID()}`
      const madeAt = Date.now()
      const endsAt = ttl === 0 ? Number.POSITIVE_INFINITY : madeAt + Math.min(ttl, maxTtl) * 1000
      tokens.set(id, { policy, renewable, ttl, maxTtl, madeAt, endsAt })
      return id
    },
    revokeAll: () => tokens.clear(),
    put(path, data) {
      secrets.set(path, { version: (secrets.get(path)?.version ?? 0) + 1, data })
    },
    get: path => secrets.get(path)?.data ?? null,
    delete(path) {
      const secret = secrets.get(path)
      if (secret) secret.data = null
    },
    count: (method, path) => vault.requests.filter(item => item.method === method && item.path === path).length
  }

  function answer(request: FakeRequest, body: unknown): [status: number, body: unknown] {
    if (vault.isSealed) return [503, { errors: ['Vault is sealed'] }]
    const { method, path } = request
    if (path === 'auth/approle/login') return logIn(body)
    const token = tokens.get(request.token ?? '')
    if (token === undefined || token.endsAt <= Date.now()) return denied
    if (path === 'auth/token/lookup-self') {
      const ttl = token.endsAt === Number.POSITIVE_INFINITY ? 0 : secondsUntil(token.endsAt)
      return [200, { data: { id: request.token, ttl, renewable: token.renewable, policies: ['default'] } }]
    }
    if (path === 'auth/token/revoke-self') {
      tokens.delete(request.token ?? '')
      return [204, null]
    }
    if (path === 'auth/token/renew-self') {
      if (!token.renewable) return [400, { errors: ['lease is not renewable'] }]
      token.endsAt = Math.min(Date.now() + token.ttl * 1000, token.madeAt + token.maxTtl * 1000)
      return [200, { auth: authOf(request.token as string, token) }]
    }
    if (path === 'sys/capabilities-self') {
      const { paths } = body as { paths: string[] }
      const found = Object.fromEntries(paths.map(item => [item, capabilitiesOf(token, item)]))
      return [200, { ...found, data: found }]
    }
    const capabilities = capabilitiesOf(token, path)
    if (path.startsWith('secret/destroy/')) {
      if (!capabilities.includes('update')) return denied
      const key = path.slice('secret/destroy/'.length)
      const { versions } = body as { versions: number[] }
      vault.destroyed.push(...versions.map(version => ({ key, version })))
      return [204, null]
    }
    if (!path.startsWith('secret/data/')) {
      return capabilities.includes('deny')
        ? denied
        : [404, { errors: [`no handler for route "${path}". route entry not found.`] }]
    }
    const key = path.slice('secret/data/'.length)
    const may = (wanted: Capability) => capabilities.includes(wanted) || capabilities.includes('root')
    if (method === 'GET') return may('read') ? read(key) : denied
    if (!may(secrets.has(key) ? 'update' : 'create')) return denied
    return write(key, body as { options?: { cas?: number }; data: Record<string, unknown> })
  }

  function read(key: string): [number, unknown] {
    const secret = secrets.get(key)
    if (secret === undefined) return [404, { errors: [] }]
    const metadata = {
      version: secret.version,
      destroyed: false,
      deletion_time: secret.data ? '' : '2026-01-01T00:00:00Z'
    }
    return [secret.data === null ? 404 : 200, { data: { data: secret.data, metadata } }]
  }

  function write(
    key: string,
    { options, data }: { options?: { cas?: number }; data: Record<string, unknown> }
  ): [number, unknown] {
    const version = secrets.get(key)?.version ?? 0
    if (options?.cas !== undefined && options.cas !== version) {
      return [400, { errors: ['check-and-set parameter did not match the current version'] }]
    }
    secrets.set(key, { version: version + 1, data })
    return [200, { data: { version: version + 1, destroyed: false, deletion_time: '' } }]
  }

  function logIn(body: unknown): [number, unknown] {
    const { role_id, secret_id } = body as Record<string, string>
    const role = vault.roles.find(item => item.roleId === role_id && item.secretId === secret_id)
    if (role === undefined) return [400, { errors: ['invalid role or secret ID'] }]
    const id = vault.addToken(role.token)
    return [200, { auth: authOf(id, tokens.get(id) as LiveToken) }]
  }

  const handle = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const request = {
      method: incoming.method ?? '',
      path: (incoming.url ?? '').replace(/^\/v1\//, ''),
      token: (incoming.headers['x-vault-token'] as string | undefined) ?? null,
      namespace: (incoming.headers['x-vault-namespace'] as string | undefined) || null
    }
    const body = incoming.method === 'POST' ? await json(incoming) : null
    vault.requests.push(request)
    const trouble = vault.troubles.shift()
    if (trouble === 'silent') return
    if (trouble === 'cut-before') return void response.destroy()
    const [status, content] = typeof trouble === 'number' ? [trouble, { errors: [] }] : answer(request, body)
    if (trouble === 'cut-after') return void response.destroy()
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(content === null ? undefined : JSON.stringify(content))
  }
  const server: Server = tls === undefined ? createServer(handle) : createTlsServer(tls, handle)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  vault.url = `http${tls ? 's' : ''}://127.0.0.1:${(server.address() as AddressInfo).port}`
  t.after(async () => {
    await Promise.all(before.map(work => work()))
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })
  return vault
}

const denied: [number, unknown] = [403, { errors: ['1 error occurred:\n\t* permission denied\n\n'] }]

function capabilitiesOf({ policy }: FakeToken, path: string): Capability[] {
  const rule = Object.entries(policy).find(([pattern]) =>
    pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern
  )
  return rule?.[1] ?? ['deny']
}

function authOf(id: string, { endsAt, renewable, ttl }: LiveToken) {
  return { client_token: id, lease_duration: ttl === 0 ? 0 : secondsUntil(endsAt), renewable, policies: ['default'] }
}

function secondsUntil(time: number): number {
  return Math.max(0, Math.round((time - Date.now()) / 1000))
}
