import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Value } from 'typebox/value'
import { type Environment, environmentSchema, type Peer, type VariableSchema, variables } from './environment.ts'
import { ConfigurationError } from './errors.ts'
import { closest } from './platform/closest.ts'
import { type DatabaseAddress, databaseAddress, serverFault } from './platform/database-url.ts'
import { isLocalHost } from './platform/local-host.ts'
import { readTextFileSync } from './platform/strict-text.ts'
import type { VaultLogin, VaultOptions } from './secrets/vault-options.ts'
import { isSchedule } from './sync/schedule-slot.ts'

export type Config = ReturnType<typeof toConfig>
export type OdooConfig = NonNullable<Config['odoo']>

export interface LoadOptions {
  /** False for commands that need only the database: `KKI_BASE_URL` may then be missing. */
  talksToKki?: boolean
}

/**
 * Returns the configuration that the environment describes; an empty variable counts as not set.
 *
 * @throws ConfigurationError naming the variable: a bad value (never repeated in the message, it may be a secret), a
 * missing one, or one beginning with `SDMK_` or `KKI_` that does not exist.
 */
export function loadConfig(env: NodeJS.ProcessEnv, { talksToKki = true }: LoadOptions = {}): Config {
  refuseUnknown(env)
  const values: Record<string, unknown> = {}
  for (const [name, schema] of variables) {
    const text = env[name]?.trim()
    const value = text ? parse(schema, text) : structuredClone(schema.default)
    if (value === undefined) continue
    // Node replaces bytes that are not UTF-8 by this character, which would change a password.
    if (text?.includes('\ufffd')) throw new ConfigurationError(name, 'is not UTF-8')
    if (!Value.Check(environmentSchema.properties[name], value)) throw new ConfigurationError(name, expected(schema))
    values[name] = value
  }
  const environment = values as Environment
  refuseBlindTls(env)
  checkAuthorities(env)
  checkTimeZone(environment.SDMK_TIME_ZONE)
  checkSchedule(environment.KKI_SCHEDULE)
  const config = toConfig(environment)
  if (talksToKki && config.roles.includes('fetch') && config.kki.baseUrl === null) {
    throw new ConfigurationError('KKI_BASE_URL', 'is required with the role "fetch"; it is the address of KKI')
  }
  return config
}

function toConfig(env: Environment) {
  const dataDir = path.resolve(env.SDMK_DATA_DIR)
  return {
    roles: [...new Set(env.SDMK_ROLES)],
    /** Whether `fetch` is among them, even if a command then works with fewer roles. */
    mayFetch: env.SDMK_ROLES.includes('fetch'),
    host: env.SDMK_HOST,
    port: env.SDMK_PORT,
    logLevel: env.SDMK_LOG_LEVEL,
    /** `null`: no spans are exported. */
    tracing: tracingConfig(env),
    /** `null`: the embedded database under `dataDir`. */
    databaseUrl: databaseUrl(env),
    reads: {
      /** `null`: the primary serves everything. */
      url:
        env.SDMK_DATABASE_READ_URL === undefined
          ? null
          : withPassword('SDMK_DATABASE_READ_URL', env.SDMK_DATABASE_READ_URL, env),
      maxAgeSeconds: env.SDMK_DATABASE_READ_AGE,
      maxConnections: env.SDMK_DATABASE_POOL
    },
    /** Connections that may omit TLS or its checks. */
    insecure: [...new Set(env.SDMK_INSECURE)],
    databasePoolConnections: env.SDMK_DATABASE_POOL,
    dataDir,
    secretsDir: path.resolve(env.SDMK_SECRETS_DIR ?? path.join(dataDir, 'secrets')),
    isSecretsDirSet: env.SDMK_SECRETS_DIR !== undefined,
    /** `null`: secrets are files. */
    vault: vaultConfig(env),
    shutdownTimeoutSeconds: env.SDMK_SHUTDOWN_TIMEOUT,
    /** Batches processed at a time. */
    workers: env.SDMK_WORKERS,
    timeZone: env.SDMK_TIME_ZONE,
    rateLimitPerMinute: env.SDMK_RATE_LIMIT,
    nikLookupsPerHour: env.SDMK_NIK_LOOKUPS,
    requestTimeoutMs: env.SDMK_REQUEST_TIMEOUT,
    metrics: {
      cacheSeconds: env.SDMK_METRICS_CACHE,
      /** `null`: scrapes need no key. */
      key:
        env.SDMK_METRICS_KEY_FILE === undefined
          ? null
          : readSecretFile('SDMK_METRICS_KEY_FILE', env.SDMK_METRICS_KEY_FILE)
    },
    /** `null`: off. */
    rejectHoldRatio: env.REJECT_HOLD_RATIO ?? null,
    rawRetentionDays: env.RAW_RETENTION_DAYS,
    identityRetentionYears: env.SDMK_IDENTITY_RETENTION_YEARS,
    disclosureRetentionDays: env.SDMK_DISCLOSURE_RETENTION_DAYS,
    /** `null`: no Odoo is connected. */
    odoo: odooConfig(env),
    kki: {
      /** Without a slash at its end; `null` if this process does not fetch. */
      baseUrl: env.KKI_BASE_URL === undefined ? null : parseBaseUrl('KKI_BASE_URL', env.KKI_BASE_URL, env),
      sourceFile: path.resolve(
        env.KKI_SOURCE_FILE ?? fileURLToPath(new URL('../contracts/sources/kki.json', import.meta.url))
      ),
      /** `null`: the source description decides. */
      pageSize: env.KKI_PAGE_SIZE ?? null,
      fileDescription: path.resolve(
        env.KKI_FILE_DESCRIPTION ??
          fileURLToPath(new URL('../contracts/sources/council-spreadsheet.json', import.meta.url))
      ),
      batchRows: env.SDMK_BATCH_ROWS,
      overlapSeconds: env.KKI_OVERLAP,
      settleSeconds: env.KKI_SETTLE,
      maxSkewSeconds: env.KKI_MAX_SKEW,
      /** For rows that are checked against our own clock: KKI's may be ahead of it, and a row's stamp ahead of KKI's. */
      storedSkewSeconds: env.KKI_MAX_SKEW + env.KKI_CLOCK_TOLERANCE,
      clockToleranceSeconds: env.KKI_CLOCK_TOLERANCE,
      maxBodyBytes: env.KKI_MAX_BODY_BYTES,
      maxPages: env.KKI_MAX_PAGES,
      connectTimeoutMs: env.KKI_CONNECT_TIMEOUT,
      headersTimeoutMs: env.KKI_HEADERS_TIMEOUT,
      bodyTimeoutMs: env.KKI_BODY_TIMEOUT,
      pageTimeoutMs: env.KKI_PAGE_TIMEOUT,
      retries: env.KKI_RETRIES,
      retryBaseMs: env.KKI_RETRY_BASE,
      breakerResetMs: env.KKI_BREAKER_RESET,
      schedule: env.KKI_SCHEDULE
    }
  }
}

/** Off without an endpoint; OpenTelemetry's default would be a collector on this machine. */
function tracingConfig(env: Environment) {
  const endpoint = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT
  if (endpoint === undefined || env.OTEL_TRACES_EXPORTER === 'none' || env.OTEL_SDK_DISABLED === 'true') return null
  const name = env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
    ? 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'
    : 'OTEL_EXPORTER_OTLP_ENDPOINT'
  const { protocol } = URL.parse(endpoint) ?? {}
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new ConfigurationError(name, 'must be an address that starts with http:// or https://')
  }
  return {
    protocol: env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL,
    serviceName: env.OTEL_SERVICE_NAME
  }
}

function databaseUrl(env: Environment): string | null {
  if (env.SDMK_DATABASE_URL !== undefined) return withPassword('SDMK_DATABASE_URL', env.SDMK_DATABASE_URL, env)
  const dependent = (['SDMK_DATABASE_PASSWORD_FILE', 'SDMK_DATABASE_READ_URL'] as const).find(
    name => env[name] !== undefined
  )
  if (dependent === undefined) return null
  throw new ConfigurationError('SDMK_DATABASE_URL', `is required with ${dependent}`)
}

type DatabaseVariable = 'SDMK_DATABASE_URL' | 'SDMK_DATABASE_READ_URL'

/** Returns the URL with the password of the file, if there is one, and with explicit connection options. */
function withPassword(variable: DatabaseVariable, url: string, env: Environment): string {
  const file = env.SDMK_DATABASE_PASSWORD_FILE
  if (file === undefined) return parseDatabaseUrl(variable, url, env)
  if (/^[^/]*:\/\/[^/@:]*:[^/]*@|[?&]password=/.test(url)) {
    throw new ConfigurationError('SDMK_DATABASE_PASSWORD_FILE', `cannot be used with a password in ${variable}`)
  }
  // A parameter, since a URL for a Unix socket has no host and so no place for a password before it.
  const password = encodeURIComponent(readSecretFile('SDMK_DATABASE_PASSWORD_FILE', file))
  return parseDatabaseUrl(variable, `${url}${url.includes('?') ? '&' : '?'}password=${password}`, env)
}

function readSecretFile(variable: 'SDMK_DATABASE_PASSWORD_FILE' | 'SDMK_METRICS_KEY_FILE', file: string): string {
  let text: string
  try {
    text = readTextFileSync(path.resolve(file))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new ConfigurationError(variable, `cannot be read (${code})`, { cause })
  }
  // Editors and `echo` end a file with a line break, which is not part of the secret.
  const secret = text.replace(/\r?\n$/, '')
  if (secret === '') throw new ConfigurationError(variable, 'names an empty file')
  return secret
}

function vaultConfig(env: Environment): VaultOptions | null {
  const address = env.SDMK_VAULT_ADDR
  if (address === undefined) {
    const login = vaultLogins.find(name => env[name] !== undefined)
    if (login) throw new ConfigurationError('SDMK_VAULT_ADDR', `is required with ${login}; it is the address of Vault`)
    return null
  }
  return {
    address: parseBaseUrl('SDMK_VAULT_ADDR', address, env),
    mount: env.SDMK_VAULT_MOUNT,
    path: env.SDMK_VAULT_PATH,
    namespace: env.SDMK_VAULT_NAMESPACE ?? null,
    caFile: env.SDMK_VAULT_CA_FILE === undefined ? null : path.resolve(env.SDMK_VAULT_CA_FILE),
    timeoutMs: env.SDMK_VAULT_TIMEOUT,
    login: vaultLogin(env)
  }
}

const vaultLogins = ['SDMK_VAULT_TOKEN_FILE', 'SDMK_VAULT_ROLE_ID', 'SDMK_VAULT_SECRET_ID_FILE'] as const

function vaultLogin(env: Environment): VaultLogin {
  const { SDMK_VAULT_TOKEN_FILE: tokenFile, SDMK_VAULT_ROLE_ID: roleId, SDMK_VAULT_SECRET_ID_FILE: secretIdFile } = env
  if (tokenFile !== undefined) {
    const other = vaultLogins.slice(1).find(name => env[name] !== undefined)
    if (other) throw new ConfigurationError(other, 'cannot be used with SDMK_VAULT_TOKEN_FILE; choose one login')
    return { kind: 'token', tokenFile: path.resolve(tokenFile) }
  }
  if (roleId === undefined && secretIdFile === undefined) {
    const reason = 'or SDMK_VAULT_ROLE_ID is required with SDMK_VAULT_ADDR; it is the login to Vault'
    throw new ConfigurationError('SDMK_VAULT_TOKEN_FILE', reason)
  }
  if (roleId === undefined) {
    throw new ConfigurationError('SDMK_VAULT_ROLE_ID', 'is required with SDMK_VAULT_SECRET_ID_FILE')
  }
  if (secretIdFile === undefined) {
    throw new ConfigurationError('SDMK_VAULT_SECRET_ID_FILE', 'is required with SDMK_VAULT_ROLE_ID')
  }
  return { kind: 'approle', mount: env.SDMK_VAULT_APPROLE_MOUNT, roleId, secretIdFile: path.resolve(secretIdFile) }
}

function odooConfig(env: Environment) {
  if (env.SDMK_ODOO_URL === undefined) return null
  const database = env.SDMK_ODOO_DATABASE
  if (database === undefined) {
    throw new ConfigurationError(
      'SDMK_ODOO_DATABASE',
      'is required with SDMK_ODOO_URL; it is the name of Odoo’s database'
    )
  }
  return {
    baseUrl: parseBaseUrl('SDMK_ODOO_URL', env.SDMK_ODOO_URL, env),
    database,
    transport: env.SDMK_ODOO_TRANSPORT,
    timeoutMs: env.SDMK_ODOO_TIMEOUT,
    retryMaxSeconds: env.SDMK_ODOO_RETRY_MAX
  }
}

function refuseUnknown(env: NodeJS.ProcessEnv) {
  const known = variables.map(([name]) => name)
  for (const name of Object.keys(env)) {
    if (!/^(SDMK|KKI)_/.test(name) || known.includes(name as keyof Environment)) continue
    const nearest = closest(name, known)
    throw new ConfigurationError(name, `is not a setting${nearest ? `; did you mean ${nearest}?` : ''}`)
  }
}

function parse(schema: VariableSchema, text: string): unknown {
  // Not TypeBox's own conversion, which cuts "1.5" down to 1.
  if (schema.type === 'integer') return /^\d{1,15}$/.test(text) ? Number(text) : text
  if (schema.type === 'number') return /^\d{1,3}(\.\d{1,9})?$/.test(text) ? Number(text) : text
  if (schema.type !== 'array') return text
  return text
    .split(',')
    .map(item => item.trim())
    .filter(item => item !== '')
}

function expected(schema: VariableSchema): string {
  const words = (schema.enum ?? schema.items?.enum)?.join(', ')
  if (schema.type === 'array') return `must be a comma-separated list of: ${words}`
  if (words) return `must be one of: ${words}`
  if (schema.type === 'integer') return `must be a whole number from ${schema.minimum} to ${schema.maximum}`
  if (schema.type === 'number') return `must be a number from ${schema.minimum} to ${schema.maximum}`
  return schema.patternText ?? 'must not be empty'
}

function checkTimeZone(timeZone: string) {
  const reason = 'must be a time zone’s IANA name, such as Asia/Jakarta'
  // Node also accepts "+07:00", which PostgreSQL reads with the opposite sign.
  if (!/^[A-Za-z]/.test(timeZone)) throw new ConfigurationError('SDMK_TIME_ZONE', reason)
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch (cause) {
    throw new ConfigurationError('SDMK_TIME_ZONE', reason, { cause })
  }
}

function checkSchedule(schedule: string) {
  if (!isSchedule(schedule))
    throw new ConfigurationError('KKI_SCHEDULE', 'must be a cron expression of five fields, such as 0 2 * * *')
}

/** The peer that a variable connects to. */
const peerOf = {
  SDMK_DATABASE_URL: 'database',
  SDMK_DATABASE_READ_URL: 'database',
  KKI_BASE_URL: 'kki',
  SDMK_ODOO_URL: 'odoo',
  SDMK_VAULT_ADDR: 'vault'
} as const satisfies Record<string, Peer>

function parseDatabaseUrl(variable: DatabaseVariable, text: string, env: Environment): string {
  const fault = serverFault(text)
  if (fault !== null) throw new ConfigurationError(variable, fault)
  let address: DatabaseAddress
  try {
    address = databaseAddress(text)
  } catch {
    // The cause would repeat the URL, and with it the password.
    throw new ConfigurationError(variable, 'cannot be read, or names a certificate file that cannot')
  }
  if (address.tls === 'unverified') requireOverride(variable, 'connects without TLS or without a check of it', env)
  return address.url
}

function requireOverride(variable: keyof typeof peerOf, what: string, env: Environment) {
  const peer = peerOf[variable]
  if (env.SDMK_INSECURE.includes(peer)) return
  throw new ConfigurationError(variable, `${what}, to another machine; SDMK_INSECURE=${peer} allows it`)
}

/** With this variable Node checks no certificate of any connection. */
function refuseBlindTls(env: NodeJS.ProcessEnv) {
  if (env.NODE_TLS_REJECT_UNAUTHORIZED !== '0') return
  const reason = 'disables all certificate checks; set NODE_EXTRA_CA_CERTS to your certificate authority instead'
  throw new ConfigurationError('NODE_TLS_REJECT_UNAUTHORIZED', reason)
}

/** Node itself only prints a warning about such a file, and then rejects the certificates of its authorities. */
function checkAuthorities({ NODE_EXTRA_CA_CERTS: file }: NodeJS.ProcessEnv) {
  if (!file) return
  try {
    new X509Certificate(readFileSync(file, 'latin1'))
  } catch (cause) {
    throw new ConfigurationError('NODE_EXTRA_CA_CERTS', 'names no file that can be read as certificates (PEM)', {
      cause
    })
  }
}

function parseBaseUrl(variable: keyof typeof peerOf, text: string, env: Environment): string {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new ConfigurationError(variable, 'must be an address that starts with http:// or https://')
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new ConfigurationError(variable, 'must not contain a login, query or fragment')
  }
  if (url.protocol === 'http:' && !isLocalHost(url.hostname)) requireOverride(variable, 'is not encrypted (http)', env)
  return url.href.replace(/(?<!\/)\/+$/, '')
}
