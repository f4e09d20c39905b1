import { type Static, type TSchema, Type } from 'typebox'

export const roles = ['fetch', 'registry', 'api', 'relay'] as const
export type Role = (typeof roles)[number]

/** What the sidecar connects to. */
export const peers = ['database', 'kki', 'odoo', 'vault'] as const
export type Peer = (typeof peers)[number]

/** Everything that SDMK_INSECURE can allow. */
export const insecurities = [...peers, 'database-owner'] as const
export type Insecurity = (typeof insecurities)[number]

const vaultPath = '^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$'
const vaultPathText = 'must be a path of letters, digits, dots, hyphens and underscores, without a slash at its ends'

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
  SDMK_INSECURE: Type.Array(Type.Enum(insecurities), {
    description:
      'Connections to other machines that may do without TLS, or, the database’s, without a check of the certificate; `database-owner` lets the service work with a database login that may change the schema and audit events. Each is warned of at every start.',
    unit: 'comma-separated list',
    default: []
  }),
  SDMK_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    description: 'Least severe level that is logged.',
    default: 'info'
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      description: 'Where spans are sent by OTLP over HTTP, such as `http://collector.example.org:4318`.',
      defaultText: 'none: no spans are made',
      minLength: 1
    })
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(
    Type.String({
      description: 'The same as a whole address, path included; goes before `OTEL_EXPORTER_OTLP_ENDPOINT`.',
      defaultText: 'none',
      minLength: 1
    })
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: Type.Enum(['http/protobuf', 'http/json'], {
    description: 'How spans are written.',
    default: 'http/protobuf'
  }),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: Type.Optional(
    Type.Enum(['http/protobuf', 'http/json'], {
      description: 'The same for spans alone; goes before `OTEL_EXPORTER_OTLP_PROTOCOL`.',
      defaultText: 'none'
    })
  ),
  OTEL_TRACES_EXPORTER: Type.Enum(['otlp', 'none'], {
    description: '`none` switches the export off, wherever an endpoint is set.',
    default: 'otlp'
  }),
  OTEL_SDK_DISABLED: Type.Enum(['true', 'false'], {
    description: '`true` switches the export off as well.',
    default: 'false'
  }),
  OTEL_SERVICE_NAME: Type.String({
    description: 'What spans call this process.',
    default: 'sdmk-kki-connector',
    minLength: 1
  }),
  SDMK_DATABASE_URL: Type.Optional(
    Type.String({
      description:
        'PostgreSQL 15 or newer, as `postgres://user@host:port/database`. On another machine it must speak TLS; `?sslrootcert=<file>` names the certificate that its own is checked with.',
      defaultText: 'a real PostgreSQL is started under `SDMK_DATA_DIR`',
      pattern: '^postgres(ql)?://',
      patternText: 'must start with postgres:// or postgresql://',
      secret: true
    })
  ),
  SDMK_DATABASE_PASSWORD_FILE: Type.Optional(
    Type.String({
      description: 'File with the password of the user in `SDMK_DATABASE_URL`, read at start.',
      defaultText: 'none: it stands in the URL, or none is needed',
      minLength: 1
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
  SDMK_VAULT_ADDR: Type.Optional(
    Type.String({
      description:
        'Where Vault (or OpenBao) answers, such as `https://vault.example.org:8200`: secrets lie there. With `SDMK_SECRETS_DIR` as well, KKI’s alone.',
      defaultText: 'none: secrets are files',
      minLength: 1
    })
  ),
  SDMK_VAULT_NAMESPACE: Type.Optional(
    Type.String({
      description: 'Namespace of Vault.',
      defaultText: 'none',
      pattern: '^[A-Za-z0-9_./-]+$',
      patternText: 'must consist of letters, digits, dots, hyphens, underscores and slashes'
    })
  ),
  SDMK_VAULT_MOUNT: Type.String({
    description: 'Where the KV engine, version 2, is mounted.',
    default: 'secret',
    pattern: vaultPath,
    patternText: vaultPathText
  }),
  SDMK_VAULT_PATH: Type.String({
    description: 'Path of the secrets below the mount.',
    default: 'sdmk',
    pattern: vaultPath,
    patternText: vaultPathText
  }),
  SDMK_VAULT_TOKEN_FILE: Type.Optional(
    Type.String({
      description: 'File with the token to log in to Vault with, such as the sink of a Vault agent. Instead of a role.',
      defaultText: 'none',
      minLength: 1
    })
  ),
  SDMK_VAULT_ROLE_ID: Type.Optional(
    Type.String({ description: 'AppRole to log in to Vault with.', defaultText: 'none', minLength: 1 })
  ),
  SDMK_VAULT_SECRET_ID_FILE: Type.Optional(
    Type.String({
      description: 'File with the secret id of that AppRole, read anew at each login.',
      defaultText: 'none',
      minLength: 1
    })
  ),
  SDMK_VAULT_APPROLE_MOUNT: Type.String({
    description: 'Where AppRole is mounted.',
    default: 'approle',
    pattern: vaultPath,
    patternText: vaultPathText
  }),
  SDMK_VAULT_CA_FILE: Type.Optional(
    Type.String({
      description: 'Certificates (PEM) that Vault’s own is checked with.',
      defaultText: 'those of the system',
      minLength: 1
    })
  ),
  SDMK_VAULT_TIMEOUT: Type.Integer({
    description: 'Longest time for one use of Vault, its retries included.',
    unit: 'milliseconds',
    default: 15_000,
    minimum: 100,
    maximum: 600_000
  }),
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
  SDMK_NIK_LOOKUPS: Type.Integer({
    description: 'Lookups of an identity number (search by NIK, correction of a NIK) that one API key may make.',
    unit: 'lookups per hour',
    default: 30,
    minimum: 1,
    maximum: 1_000_000
  }),
  SDMK_METRICS_CACHE: Type.Integer({
    description:
      'For how long an answer of `/metrics` serves further scrapes. Each new one queries the database; scrapes at the same time share one.',
    unit: 'seconds',
    default: 5,
    minimum: 0,
    maximum: 60
  }),
  SDMK_METRICS_KEY_FILE: Type.Optional(
    Type.String({
      description: 'File with the bearer key that a scrape of `/metrics` must send, read at start.',
      defaultText: 'none: `/metrics` answers without a key',
      minLength: 1
    })
  ),
  SDMK_REQUEST_TIMEOUT: Type.Integer({
    description: 'Longest time for a request of the API to come in as a whole.',
    unit: 'milliseconds',
    default: 60_000,
    minimum: 100,
    maximum: 600_000
  }),
  SDMK_ODOO_URL: Type.Optional(
    Type.String({
      description: 'Where Odoo answers, such as `https://odoo.example.org`. Processes of all roles need to know it.',
      defaultText: 'none: Odoo is told nothing',
      minLength: 1
    })
  ),
  SDMK_ODOO_DATABASE: Type.Optional(
    Type.String({
      description: 'Name of Odoo’s database. Required with `SDMK_ODOO_URL`.',
      defaultText: 'none',
      minLength: 1
    })
  ),
  SDMK_ODOO_TRANSPORT: Type.Enum(['xmlrpc', 'json2'], {
    description: 'How Odoo is spoken to. XML-RPC leaves with Odoo 22.',
    default: 'xmlrpc'
  }),
  SDMK_ODOO_TIMEOUT: Type.Integer({
    description: 'Longest time for one call of Odoo.',
    unit: 'milliseconds',
    default: 120_000,
    minimum: 100,
    maximum: 3_600_000
  }),
  SDMK_ODOO_RETRY_MAX: Type.Integer({
    description: 'Longest wait before a call that Odoo did not take is repeated; waits double up to it.',
    unit: 'seconds',
    default: 300,
    minimum: 1,
    maximum: 3600
  }),
  KKI_BASE_URL: Type.Optional(
    Type.String({
      description: 'Where KKI answers, such as `https://kki.example.org`. Required with the role `fetch`.',
      defaultText: 'none'
    })
  ),
  KKI_SOURCE_FILE: Type.Optional(
    Type.String({
      description: 'How to ask KKI, and what its answers mean: the description of the source.',
      defaultText: '`contracts/sources/kki.json` of the package',
      minLength: 1
    })
  ),
  KKI_PAGE_SIZE: Type.Optional(
    Type.Integer({
      description: 'Records asked for with each page.',
      unit: 'records',
      defaultText: '`limits.pageSize` of the source’s description',
      minimum: 1,
      maximum: 1000
    })
  ),
  KKI_FILE_DESCRIPTION: Type.Optional(
    Type.String({
      description: 'Description of the files that KKI sends: columns, date formats, words.',
      defaultText: '`contracts/sources/council-spreadsheet.json` of the package',
      minLength: 1
    })
  ),
  SDMK_BATCH_ROWS: Type.Integer({
    description: 'Rows after which a walk goes on in another batch, while this one is planned and applied.',
    unit: 'rows',
    default: 50_000,
    minimum: 1,
    maximum: 1_000_000
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
  KKI_CLOCK_TOLERANCE: Type.Integer({
    description: 'How far KKI’s clock may be from this machine’s clock; a batch fails with `KKI_CLOCK` beyond that.',
    unit: 'seconds',
    default: 900,
    minimum: 5,
    maximum: 31_536_000
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
  }),
  SDMK_IDENTITY_RETENTION_YEARS: Type.Integer({
    description:
      'How long after the end of the last licence a person stays identified, and an erasure is denied; docs/privacy.md.',
    unit: 'years',
    default: 5,
    minimum: 0,
    maximum: 100
  }),
  SDMK_DISCLOSURE_RETENTION_DAYS: Type.Integer({
    description: 'How long the record of whose data was shown or sent to whom is kept; docs/privacy.md.',
    unit: 'days',
    default: 730,
    minimum: 30,
    maximum: 36500
  })
})

export type Environment = Static<typeof environmentSchema>

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
