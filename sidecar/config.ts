import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { CronExpressionParser } from 'cron-parser'
import { type Static, type TSchema, Type } from 'typebox'
import { Value } from 'typebox/value'
import { ConfigurationError } from './errors.ts'
import { closest } from './platform/closest.ts'

export const roles = ['fetch', 'registry', 'api', 'relay'] as const
export type Role = (typeof roles)[number]

/**
 * Every environment variable that the sidecar reads, in the order of `docs/configuration.md`, which is made from it.
 *
 * `unit` is what a number counts; `defaultText` says in words what stands in for a default that is computed.
 */
export const environmentSchema = Type.Object({
  SDMK_ROLES: Type.Array(Type.Enum(roles), {
    description: 'What this process does. Only `fetch` needs the KKI secret and the way to KKI.',
    unit: 'comma-separated list',
    default: [...roles],
    minItems: 1
  }),
  SDMK_HOST: Type.String({ description: 'Address to listen on.', default: '127.0.0.1', minLength: 1 }),
  SDMK_PORT: Type.Integer({
    description: 'Port to listen on; 0 takes any free one.',
    default: 8080,
    minimum: 0,
    maximum: 65535
  }),
  SDMK_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    description: 'Least severe level that is logged.',
    default: 'info'
  }),
  SDMK_DATABASE_URL: Type.Optional(
    Type.String({
      description: 'PostgreSQL 15 or newer, as `postgres://user:password@host:port/database`.',
      defaultText: 'a real PostgreSQL is started under `SDMK_DATA_DIR`',
      pattern: '^postgres(ql)?://',
      patternText: 'must start with postgres:// or postgresql://',
      secret: true
    })
  ),
  SDMK_DATABASE_POOL: Type.Integer({
    description: 'Connections to PostgreSQL that this process may open for its own work; the queue has four more.',
    unit: 'connections',
    default: 10,
    minimum: 2,
    maximum: 500
  }),
  SDMK_DATA_DIR: Type.String({
    description: 'Folder for what this machine keeps: the database that is started here and the secrets in files.',
    default: '.data',
    minLength: 1
  }),
  SDMK_SECRETS_DIR: Type.Optional(
    Type.String({
      description: 'Folder of the secrets in files.',
      defaultText: '`secrets` under `SDMK_DATA_DIR`',
      minLength: 1
    })
  ),
  SDMK_SHUTDOWN_TIMEOUT: Type.Integer({
    description: 'How long running jobs and requests may take to end after SIGTERM.',
    unit: 'seconds',
    default: 20,
    minimum: 1,
    maximum: 600
  }),
  SDMK_WORKERS: Type.Integer({
    description: 'Batches that this process works on at a time.',
    unit: 'batches',
    default: 2,
    minimum: 1,
    maximum: 32
  }),
  SDMK_TIME_ZONE: Type.String({
    description: 'Time zone of the schedule and of the day on which registrations expire.',
    unit: 'IANA name',
    default: 'Asia/Jakarta'
  }),
  SDMK_RATE_LIMIT: Type.Integer({
    description: 'Requests that one API key may make.',
    unit: 'requests per minute',
    default: 600,
    minimum: 1,
    maximum: 1_000_000
  }),
  KKI_BASE_URL: Type.Optional(
    Type.String({
      description: 'Where KKI answers, such as `https://kki.example.org`. Required with the role `fetch`.',
      defaultText: 'none'
    })
  ),
  KKI_MAPPING_FILE: Type.Optional(
    Type.String({
      description: 'Field mapping: source paths, date formats, status words, professions.',
      defaultText: '`contracts/kki-mapping.json` of the package',
      minLength: 1
    })
  ),
  KKI_PAGE_SIZE: Type.Integer({
    description: 'Records asked for with each page.',
    unit: 'records',
    default: 500,
    minimum: 1,
    maximum: 1000
  }),
  KKI_OVERLAP: Type.Integer({
    description: 'How far before the watermark a window starts, so that late changes are seen.',
    unit: 'seconds',
    default: 86_400,
    minimum: 0,
    maximum: 31_536_000
  }),
  KKI_SETTLE: Type.Integer({
    description: 'How far before the present of KKI a window ends, so that changes in flight settle first.',
    unit: 'seconds',
    default: 300,
    minimum: 0,
    maximum: 86_400
  }),
  KKI_MAX_SKEW: Type.Integer({
    description: 'How far ahead of KKI’s own clock a record’s time of change may lie.',
    unit: 'seconds',
    default: 3600,
    minimum: 0,
    maximum: 86_400
  }),
  KKI_MAX_BODY_BYTES: Type.Integer({
    description: 'Largest page that is read, after decompression.',
    unit: 'bytes',
    default: 33_554_432,
    minimum: 1024,
    maximum: 1_073_741_824
  }),
  KKI_MAX_PAGES: Type.Integer({
    description: 'Pages after which a walk is given up.',
    unit: 'pages',
    default: 100_000,
    minimum: 1,
    maximum: 10_000_000
  }),
  KKI_CONNECT_TIMEOUT: Type.Integer({
    description: 'Longest wait for a connection to KKI.',
    unit: 'milliseconds',
    default: 5000,
    minimum: 1,
    maximum: 600_000
  }),
  KKI_HEADERS_TIMEOUT: Type.Integer({
    description: 'Longest wait for the first byte of an answer.',
    unit: 'milliseconds',
    default: 15_000,
    minimum: 1,
    maximum: 600_000
  }),
  KKI_BODY_TIMEOUT: Type.Integer({
    description: 'Longest silence within an answer.',
    unit: 'milliseconds',
    default: 30_000,
    minimum: 1,
    maximum: 600_000
  }),
  KKI_PAGE_TIMEOUT: Type.Integer({
    description: 'Longest time for one attempt at a page, from connection to last byte.',
    unit: 'milliseconds',
    default: 60_000,
    minimum: 1,
    maximum: 3_600_000
  }),
  KKI_RETRIES: Type.Integer({
    description: 'Further attempts at a page after the first.',
    unit: 'attempts',
    default: 3,
    minimum: 0,
    maximum: 20
  }),
  KKI_RETRY_BASE: Type.Integer({
    description: 'Wait before the second attempt; it doubles from there, with jitter.',
    unit: 'milliseconds',
    default: 500,
    minimum: 1,
    maximum: 60_000
  }),
  KKI_BREAKER_RESET: Type.Integer({
    description: 'How long no page is asked for after the breaker has opened.',
    unit: 'milliseconds',
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000
  }),
  KKI_SCHEDULE: Type.String({
    description:
      'When runs start, in `SDMK_TIME_ZONE`: the initial value of the setting, which operators change afterwards.',
    unit: 'cron expression',
    default: '0 2 * * *'
  }),
  REJECT_HOLD_RATIO: Type.Optional(
    Type.Number({
      description: 'Share of refused rows above which a batch of 20 rows or more waits for a person.',
      defaultText: 'off: refused rows do not stop the good ones',
      unit: 'share',
      minimum: 0,
      maximum: 1
    })
  ),
  RAW_RETENTION_DAYS: Type.Integer({
    description: 'How long the sealed raw row of a rejection is kept.',
    unit: 'days',
    default: 90,
    minimum: 1,
    maximum: 3650
  })
})

type Environment = Static<typeof environmentSchema>

/** One property of the schema, as the generated page and the error texts read it. */
export interface VariableSchema {
  description: string
  type?: 'string' | 'integer' | 'number' | 'array'
  unit?: string
  default?: unknown
  defaultText?: string
  minimum?: number
  maximum?: number
  patternText?: string
  enum?: readonly string[]
  items?: { enum: readonly string[] }
}

/** The variables and their schemas, in order. */
export const variables: [keyof Environment, VariableSchema][] = Object.entries<TSchema>(
  environmentSchema.properties
).map(([name, schema]) => [name as keyof Environment, schema as VariableSchema])

export type Config = ReturnType<typeof toConfig>

export interface LoadOptions {
  /** False for commands that only need the database: `KKI_BASE_URL` may then be missing. */
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
    if (!Value.Check(environmentSchema.properties[name], value)) throw new ConfigurationError(name, expected(schema))
    values[name] = value
  }
  const environment = values as Environment
  checkTimeZone(environment.SDMK_TIME_ZONE)
  checkSchedule(environment.KKI_SCHEDULE, environment.SDMK_TIME_ZONE)
  const config = toConfig(environment)
  if (talksToKki && config.roles.includes('fetch') && config.kki.baseUrl === null) {
    throw new ConfigurationError('KKI_BASE_URL', 'is required with the role "fetch"; it says where KKI answers')
  }
  return config
}

function toConfig(env: Environment) {
  const dataDir = path.resolve(env.SDMK_DATA_DIR)
  return {
    roles: [...new Set(env.SDMK_ROLES)],
    host: env.SDMK_HOST,
    port: env.SDMK_PORT,
    logLevel: env.SDMK_LOG_LEVEL,
    /** `null`: the embedded database under `dataDir`. */
    databaseUrl: env.SDMK_DATABASE_URL ?? null,
    databasePoolConnections: env.SDMK_DATABASE_POOL,
    dataDir,
    secretsDir: path.resolve(env.SDMK_SECRETS_DIR ?? path.join(dataDir, 'secrets')),
    shutdownTimeoutSeconds: env.SDMK_SHUTDOWN_TIMEOUT,
    /** Batches busy at a time. */
    workers: env.SDMK_WORKERS,
    timeZone: env.SDMK_TIME_ZONE,
    rateLimitPerMinute: env.SDMK_RATE_LIMIT,
    /** `null`: off. */
    rejectHoldRatio: env.REJECT_HOLD_RATIO ?? null,
    rawRetentionDays: env.RAW_RETENTION_DAYS,
    kki: {
      /** Without a slash at its end; `null` where this process does not fetch. */
      baseUrl: env.KKI_BASE_URL === undefined ? null : parseBaseUrl(env.KKI_BASE_URL),
      mappingFile: path.resolve(
        env.KKI_MAPPING_FILE ?? fileURLToPath(new URL('../contracts/kki-mapping.json', import.meta.url))
      ),
      pageSize: env.KKI_PAGE_SIZE,
      overlapSeconds: env.KKI_OVERLAP,
      settleSeconds: env.KKI_SETTLE,
      maxSkewSeconds: env.KKI_MAX_SKEW,
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

function refuseUnknown(env: NodeJS.ProcessEnv) {
  const known = variables.map(([name]) => name)
  for (const name of Object.keys(env)) {
    if (!/^(SDMK|KKI)_/.test(name) || known.includes(name as keyof Environment)) continue
    const nearest = closest(name, known)
    throw new ConfigurationError(name, `is not a setting${nearest ? `; did you mean ${nearest}?` : ''}`)
  }
}

function parse(schema: VariableSchema, text: string): unknown {
  // Not TypeBox's own conversion: it cuts "1.5" down to 1.
  if (schema.type === 'integer') return /^-?\d{1,15}$/.test(text) ? Number(text) : text
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
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch (cause) {
    throw new ConfigurationError('SDMK_TIME_ZONE', 'must be a time zone’s IANA name, such as Asia/Jakarta', { cause })
  }
}

function checkSchedule(schedule: string, tz: string) {
  try {
    CronExpressionParser.parse(schedule, { tz })
  } catch (cause) {
    throw new ConfigurationError('KKI_SCHEDULE', 'must be a cron expression, such as 0 2 * * *', { cause })
  }
}

function parseBaseUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new ConfigurationError('KKI_BASE_URL', 'must be an address that starts with http:// or https://')
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new ConfigurationError('KKI_BASE_URL', 'must hold no login, query or fragment')
  }
  return url.href.replace(/\/+$/, '')
}
