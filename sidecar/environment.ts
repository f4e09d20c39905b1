import { type Static, type TSchema, Type } from 'typebox'

export const roles = ['fetch', 'registry', 'api', 'relay'] as const
export type Role = (typeof roles)[number]

/** The peers that the sidecar connects to. */
export const peers = ['database', 'kki', 'odoo', 'vault'] as const
export type Peer = (typeof peers)[number]

/** Everything that SDMK_INSECURE can allow. */
export const insecurities = [...peers, 'database-owner'] as const
export type Insecurity = (typeof insecurities)[number]

const vaultPath = '^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$'
const vaultPathText = 'must be a path of letters, digits, dots, hyphens and underscores, without a slash at its ends'

/**
 * Every environment variable that the sidecar reads, in the order of `docs/reference/configuration.md`, which is generated from it.
 *
 * `unit` is the unit of a number; `defaultText` describes a default that is computed.
 */
export const environmentSchema = Type.Object({
  SDMK_ROLES: Type.Array(Type.Enum(roles), {
    description: 'Roles of this process. Only `fetch` needs the KKI secret and network access to KKI.',
    unit: 'comma-separated list',
    default: [...roles],
    minItems: 1
  }),
  SDMK_HOST: Type.String({ description: 'Address to listen on.', default: '127.0.0.1', minLength: 1 }),
  SDMK_PORT: Type.Integer({
    description: 'Port to listen on; 0 takes any free port.',
    default: 8080,
    minimum: 0,
    maximum: 65535
  }),
  SDMK_INSECURE: Type.Array(Type.Enum(insecurities), {
    description:
      'Connections to other machines that may omit TLS or, for the database, the check of the certificate. `database-owner` lets the service use a database login that may change the schema and audit events. Every start logs a warning for each value.',
    unit: 'comma-separated list',
    default: []
  }),
  SDMK_LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    description: 'Lowest level that is logged.',
    default: 'info'
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    Type.String({
      description: 'Address for spans, OTLP over HTTP, such as `http://collector.example.org:4318`.',
      defaultText: 'none: no spans are created',
      minLength: 1
    })
  ),
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: Type.Optional(
    Type.String({
      description: 'The same as a complete address with its path; takes precedence over `OTEL_EXPORTER_OTLP_ENDPOINT`.',
      defaultText: 'none',
      minLength: 1
    })
  ),
  OTEL_EXPORTER_OTLP_PROTOCOL: Type.Enum(['http/protobuf', 'http/json'], {
    description: 'Format of spans.',
    default: 'http/protobuf'
  }),
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: Type.Optional(
    Type.Enum(['http/protobuf', 'http/json'], {
      description: 'The same for spans alone; takes precedence over `OTEL_EXPORTER_OTLP_PROTOCOL`.',
      defaultText: 'none'
    })
  ),
  OTEL_TRACES_EXPORTER: Type.Enum(['otlp', 'none'], {
    description: '`none` disables the export, even if an endpoint is set.',
    default: 'otlp'
  }),
  OTEL_SDK_DISABLED: Type.Enum(['true', 'false'], {
    description: '`true` disables the export as well.',
    default: 'false'
  }),
  OTEL_SERVICE_NAME: Type.String({
    description: 'Name of this process in spans.',
    default: 'sdmk-kki-connector',
    minLength: 1
  }),
  SDMK_DATABASE_URL: Type.Optional(
    Type.String({
      description:
        'PostgreSQL 15 or newer, as `postgres://user@host:port/database`. On another machine it must use TLS; `?sslrootcert=<file>` names the certificate authority that its certificate is checked with.',
      defaultText: 'a real PostgreSQL is started under `SDMK_DATA_DIR`',
      pattern: '^postgres(ql)?://',
      patternText: 'must start with postgres:// or postgresql://',
      secret: true
    })
  ),
  SDMK_DATABASE_PASSWORD_FILE: Type.Optional(
    Type.String({
      description: 'File with the password of the user in `SDMK_DATABASE_URL`, read at start.',
      defaultText: 'none: the URL contains it, or none is needed',
      minLength: 1
    })
  ),
  SDMK_DATABASE_READ_URL: Type.Optional(
    Type.String({
      description:
        'A standby of the same database, for searches, lists and exports; in the form of `SDMK_DATABASE_URL`. The password of `SDMK_DATABASE_PASSWORD_FILE` is used for it as well. [Read replicas](../operate/cluster.md#read-replicas).',
      defaultText: 'none: the primary serves them',
      pattern: '^postgres(ql)?://',
      patternText: 'must start with postgres:// or postgresql://',
      secret: true
    })
  ),
  SDMK_DATABASE_READ_AGE: Type.Integer({
    description: 'How old the data of the standby may be; with older data the primary is used.',
    unit: 'seconds',
    default: 10,
    minimum: 2,
    maximum: 3600
  }),
  SDMK_DATABASE_POOL: Type.Integer({
    description: 'Connections to PostgreSQL that this process may open; the queue opens four more.',
    unit: 'connections',
    default: 10,
    minimum: 2,
    maximum: 500
  }),
  SDMK_DATA_DIR: Type.String({
    description: 'Folder for local data: the embedded database and the secrets in files.',
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
        'Address of Vault (or OpenBao), which then holds the secrets, such as `https://vault.example.org:8200`. If `SDMK_SECRETS_DIR` is set as well, Vault holds only KKI’s secret.',
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
    description: 'Mount of the KV engine, version 2.',
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
      description:
        'File with the token to log in to Vault with, such as the sink of a Vault agent. Replaces an AppRole.',
      defaultText: 'none',
      minLength: 1
    })
  ),
  SDMK_VAULT_ROLE_ID: Type.Optional(
    Type.String({ description: 'AppRole to log in to Vault with.', defaultText: 'none', minLength: 1 })
  ),
  SDMK_VAULT_SECRET_ID_FILE: Type.Optional(
    Type.String({
      description: 'File with the secret id of that AppRole, read again at each login.',
      defaultText: 'none',
      minLength: 1
    })
  ),
  SDMK_VAULT_APPROLE_MOUNT: Type.String({
    description: 'Mount of AppRole.',
    default: 'approle',
    pattern: vaultPath,
    patternText: vaultPathText
  }),
  SDMK_VAULT_CA_FILE: Type.Optional(
    Type.String({
      description: 'Certificate authorities (PEM) that Vault’s certificate is checked with.',
      defaultText: 'the certificate authorities of Node',
      minLength: 1
    })
  ),
  SDMK_VAULT_TIMEOUT: Type.Integer({
    description: 'Longest time for one read or write of Vault, with its retries.',
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
      'How long an answer of `/metrics` is reused for further scrapes. Each new answer queries the database; concurrent scrapes share one.',
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
    description: 'Longest time until a request of the API has arrived completely.',
    unit: 'milliseconds',
    default: 60_000,
    minimum: 100,
    maximum: 600_000
  }),
  SDMK_ODOO_URL: Type.Optional(
    Type.String({
      description: 'Address of Odoo, such as `https://odoo.example.org`. Set it for processes of all roles.',
      defaultText: 'none: nothing is sent to Odoo',
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
    description: 'Protocol of calls to Odoo. Odoo 22 removes XML-RPC.',
    default: 'xmlrpc'
  }),
  SDMK_ODOO_TIMEOUT: Type.Integer({
    description: 'Longest time for one call to Odoo.',
    unit: 'milliseconds',
    default: 120_000,
    minimum: 100,
    maximum: 3_600_000
  }),
  SDMK_ODOO_RETRY_MAX: Type.Integer({
    description: 'Longest wait before a failed call to Odoo is repeated; waits double up to it.',
    unit: 'seconds',
    default: 300,
    minimum: 1,
    maximum: 3600
  }),
  KKI_BASE_URL: Type.Optional(
    Type.String({
      description: 'Address of KKI, such as `https://kki.example.org`. Required with the role `fetch`.',
      defaultText: 'none'
    })
  ),
  KKI_SOURCE_FILE: Type.Optional(
    Type.String({
      description: 'File that describes KKI’s API and its fields: the source description.',
      defaultText: '`contracts/sources/kki.json` in the package',
      minLength: 1
    })
  ),
  KKI_PAGE_SIZE: Type.Optional(
    Type.Integer({
      description: 'Records asked for with each page.',
      unit: 'records',
      defaultText: '`limits.pageSize` of the source description',
      minimum: 1,
      maximum: 1000
    })
  ),
  KKI_FILE_DESCRIPTION: Type.Optional(
    Type.String({
      description: 'Description of the files that KKI sends: columns, date formats, words.',
      defaultText: '`contracts/sources/council-spreadsheet.json` in the package',
      minLength: 1
    })
  ),
  SDMK_BATCH_ROWS: Type.Integer({
    description: 'Rows per batch. The walk then continues in the next batch, while this one is planned and applied.',
    unit: 'rows',
    default: 50_000,
    minimum: 1,
    maximum: 1_000_000
  }),
  KKI_OVERLAP: Type.Integer({
    description: 'How far before the watermark a window starts, so that late changes are read.',
    unit: 'seconds',
    default: 86_400,
    minimum: 0,
    maximum: 31_536_000
  }),
  KKI_SETTLE: Type.Integer({
    description: 'How far before KKI’s present time a window ends, so that changes in progress are committed first.',
    unit: 'seconds',
    default: 300,
    minimum: 0,
    maximum: 86_400
  }),
  KKI_MAX_SKEW: Type.Integer({
    description: 'How far a record’s time of change may be ahead of KKI’s clock.',
    unit: 'seconds',
    default: 3600,
    minimum: 0,
    maximum: 86_400
  }),
  KKI_CLOCK_TOLERANCE: Type.Integer({
    description: 'How far KKI’s clock may be from this machine’s clock; beyond that a batch fails with `KKI_CLOCK`.',
    unit: 'seconds',
    default: 900,
    minimum: 5,
    maximum: 31_536_000
  }),
  KKI_MAX_BODY_BYTES: Type.Integer({
    description: 'Largest page that is accepted, after decompression.',
    unit: 'bytes',
    default: 33_554_432,
    minimum: 1024,
    maximum: 1_073_741_824
  }),
  KKI_MAX_PAGES: Type.Integer({
    description: 'Pages after which a walk fails.',
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
    description: 'How long no page is requested after the circuit breaker has opened.',
    unit: 'milliseconds',
    default: 30_000,
    minimum: 100,
    maximum: 3_600_000
  }),
  KKI_SCHEDULE: Type.String({
    description: 'When runs start, in `SDMK_TIME_ZONE`: the initial value of a setting that operators can change.',
    unit: 'cron expression of five fields',
    default: '0 2 * * *'
  }),
  REJECT_HOLD_RATIO: Type.Optional(
    Type.Number({
      description: 'Share of rejected rows above which a batch of 20 rows or more is held for a person.',
      defaultText: 'off: rejected rows do not stop valid ones',
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
      'How long after the end of the last licence a person’s data is kept and an erasure is denied; docs/explain/privacy.md.',
    unit: 'years',
    default: 5,
    minimum: 0,
    maximum: 100
  }),
  SDMK_DISCLOSURE_RETENTION_DAYS: Type.Integer({
    description: 'How long disclosures (the people, the recipient and the time) are kept; docs/explain/privacy.md.',
    unit: 'days',
    default: 730,
    minimum: 30,
    maximum: 36500
  })
})

export type Environment = Static<typeof environmentSchema>

/** One property of the schema, for the generated page and the error texts. */
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
