import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { loadConfig } from '../../sidecar/config.ts'
import { variables } from '../../sidecar/environment.ts'
import { ConfigurationError } from '../../sidecar/errors.ts'
import { oddNumbers } from '../helpers/odd-values.ts'

const enough = { KKI_BASE_URL: 'https://kki.example.org/' }

/** Asserts that this environment is rejected, and that the message begins with the variable and matches. */
function refuses(env: Record<string, string>, variable: string, reason: RegExp) {
  assert.throws(
    () => loadConfig({ ...enough, ...env }),
    (error: unknown) => {
      assert.ok(error instanceof ConfigurationError)
      assert.equal(error.variable, variable)
      assert.ok(error.message.startsWith(`${variable}: `), error.message)
      assert.match(error.message, reason)
      return true
    }
  )
}

test('an environment with only the address of KKI gives the documented defaults', () => {
  const config = loadConfig(enough)
  assert.deepEqual(config.roles, ['fetch', 'registry', 'api', 'relay'])
  assert.equal(config.host, '127.0.0.1')
  assert.equal(config.databaseUrl, null)
  assert.equal(config.dataDir, path.resolve('.data'))
  assert.equal(config.secretsDir, path.resolve('.data/secrets'))
  assert.equal(config.kki.baseUrl, 'https://kki.example.org')
  assert.equal(config.kki.overlapSeconds, 86_400)
  assert.match(config.kki.sourceFile, /contracts.sources.kki\.json$/)
})

test('variables of other programs and empty ones of ours count as not set', () => {
  const config = loadConfig({ ...enough, HOME: '/nowhere', SDMK_PORT: ' ', KKI_RETRIES: '' })
  assert.equal(config.port, 8080)
  assert.equal(config.kki.retries, 3)
})

test('roles are a list in which each counts once', () => {
  assert.deepEqual(loadConfig({ SDMK_ROLES: 'api, relay,api' }).roles, ['api', 'relay'])
  refuses({ SDMK_ROLES: 'api,cook' }, 'SDMK_ROLES', /fetch, registry, api, relay/)
  refuses({ SDMK_ROLES: ',' }, 'SDMK_ROLES', /list of/)
})

test('numbers must be whole and within their range', () => {
  assert.equal(loadConfig({ ...enough, KKI_PAGE_SIZE: '1000' }).kki.pageSize, 1000)
  for (const text of ['1.5', '0', '1001', 'ten', '1e2', '0x10']) {
    refuses({ KKI_PAGE_SIZE: text }, 'KKI_PAGE_SIZE', /whole number from 1 to 1000/)
  }
})

test('a misspelt variable is rejected with the closest name', () => {
  refuses({ KKI_PAGESIZE: '10' }, 'KKI_PAGESIZE', /did you mean KKI_PAGE_SIZE\?/)
  refuses({ SDMK_QQQQQQQQQQQQQQQQ: '1' }, 'SDMK_QQQQQQQQQQQQQQQQ', /is not a setting$/)
})

test('only a fetching process requires the address of KKI', () => {
  assert.throws(() => loadConfig({}), /^ConfigurationError: KKI_BASE_URL: is required with the role "fetch"/)
  assert.equal(loadConfig({ SDMK_ROLES: 'api' }).kki.baseUrl, null)
  assert.equal(loadConfig({}, { talksToKki: false }).kki.baseUrl, null)
})

test('the address of KKI must be valid, and must not contain a login', () => {
  refuses({ KKI_BASE_URL: 'kki.example.org' }, 'KKI_BASE_URL', /http:\/\/ or https:\/\//)
  refuses({ KKI_BASE_URL: 'https://me:hidden@kki.example.org' }, 'KKI_BASE_URL', /a login/)
})

test('time zone and schedule must be valid', () => {
  refuses({ SDMK_TIME_ZONE: 'Mars/Olympus' }, 'SDMK_TIME_ZONE', /IANA/)
  // PostgreSQL would read the sign the other way round.
  for (const zone of ['+07:00', '-07', '07:00']) refuses({ SDMK_TIME_ZONE: zone }, 'SDMK_TIME_ZONE', /IANA/)
  for (const schedule of [
    'every night',
    '5',
    '* *',
    '0 0 30 2 *',
    'H 2 * * *',
    '1e1 2 * * *',
    '0 0 2 * * *',
    '@secondly'
  ]) {
    refuses({ KKI_SCHEDULE: schedule }, 'KKI_SCHEDULE', /cron expression/)
  }
  for (const schedule of ['0 2 * * *', '@daily', '0 2 * MAR THU']) {
    assert.equal(loadConfig({ ...enough, KKI_SCHEDULE: schedule }).kki.schedule, schedule)
  }
})

test('every numeric variable accepts only plain decimal digits', () => {
  for (const [name, { type }] of variables) {
    if (type !== 'integer' && type !== 'number') continue
    // The text around a number does not count.
    const odd = oddNumbers.filter(text => text.trim() !== '' && !/^\s*\d{1,15}\s*$/.test(text))
    for (const text of odd.filter(item => type === 'integer' || item !== '5.0')) {
      refuses({ [name]: text }, name, /must be a (?:whole )?number from \d+ to \d+$/)
    }
  }
})

test('a setting that is not UTF-8 is rejected, and a byte order mark is not part of a password', async t => {
  // Node has replaced unreadable bytes by this character.
  refuses({ SDMK_DATA_DIR: '/var/lib/jos\ufffd' }, 'SDMK_DATA_DIR', /is not UTF-8$/)
  const { databaseUrl } = loadConfig({
    ...enough,
    SDMK_DATABASE_URL: 'postgres://sdmk@127.0.0.1/sdmk',
    SDMK_DATABASE_PASSWORD_FILE: await passwordFile(t, '\ufeffcorrect-horse\r\n')
  })
  assert.equal(new pg.Client(databaseUrl ?? '').password, 'correct-horse')
})

test('a rejected value is never repeated', () => {
  const password = 'correct-horse'
  assert.throws(
    () => loadConfig({ ...enough, SDMK_DATABASE_URL: `mysql://me:${password}@127.0.0.1/sdmk` }),
    (error: Error) => error.message.startsWith('SDMK_DATABASE_URL: ') && !error.message.includes(password)
  )
})

const vault = { KKI_BASE_URL: 'https://kki.test', SDMK_VAULT_ADDR: 'https://vault.test:8200/' }
async function passwordFile(t: TestContext, text: string | Buffer): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sdmk-config-'))
  t.after(() => rm(folder, { recursive: true }))
  const file = path.join(folder, 'password')
  await writeFile(file, text)
  return file
}

for (const url of [
  'postgres://sdmk@db.example:5433/registry?sslmode=verify-full',
  'postgres://sdmk@/registry?host=/run/postgresql'
]) {
  test(`the password of the database may be in a file: ${url}`, async t => {
    const password = 'c0rrect horse+%41&=?#:/@'
    const file = await passwordFile(t, `${password}\n`)
    const { databaseUrl } = loadConfig({ ...enough, SDMK_DATABASE_URL: url, SDMK_DATABASE_PASSWORD_FILE: file })
    const { password: sent, user, host, port, database } = new pg.Client(databaseUrl ?? '')
    const plain = new pg.Client(url)
    assert.equal(sent, password)
    assert.deepEqual([user, host, port, database], [plain.user, plain.host, plain.port, plain.database])
  })
}

test('an unusable password file is named, without its content', async t => {
  const url = 'postgres://sdmk@127.0.0.1/sdmk'
  const file = await passwordFile(t, 'correct-horse')
  const variable = 'SDMK_DATABASE_PASSWORD_FILE'
  refuses({ SDMK_DATABASE_URL: url, [variable]: `${file}.gone` }, variable, /cannot be read \(ENOENT\)$/)
  refuses({ SDMK_DATABASE_URL: url, [variable]: await passwordFile(t, '\n') }, variable, /empty/)
  const latin1 = await passwordFile(t, Buffer.from('pässword', 'latin1'))
  refuses({ SDMK_DATABASE_URL: url, [variable]: latin1 }, variable, /cannot be read \(NOT_UTF8\)$/)
  refuses({ SDMK_DATABASE_URL: 'postgres://sdmk:other@127.0.0.1/sdmk', [variable]: file }, variable, /with a password/)
  refuses({ [variable]: file }, 'SDMK_DATABASE_URL', /is required with SDMK_DATABASE_PASSWORD_FILE/)
})

test('a database URL names one server, and wants its primary', () => {
  const refused = (SDMK_DATABASE_URL: string, reason: RegExp) => {
    const isTold = ({ message }: Error) => message.startsWith('SDMK_DATABASE_URL: ') && reason.test(message)
    assert.throws(() => loadConfig({ ...enough, SDMK_DATABASE_URL }), isTold, SDMK_DATABASE_URL)
  }
  for (const url of [
    'postgres://a:pass,word@h1:5432,h2:5433/sdmk',
    'postgres:///sdmk?host=h1,h2',
    'postgres:///sdmk?host=h1%2Ch2'
  ])
    refused(url, /several hosts/)
  for (const wanted of ['any', 'standby', 'prefer-standby', 'read-only'])
    refused(`postgres://sdmk@127.0.0.1/sdmk?target_session_attrs=${wanted}`, /target_session_attrs/)
  for (const url of [
    'postgres://a:pass,word@127.0.0.1/sdmk',
    'postgres://127.0.0.1/sdmk?target_session_attrs=read-write'
  ])
    assert.equal(loadConfig({ ...enough, SDMK_DATABASE_URL: url }).databaseUrl, url)
})

test('the key of metrics is read from its file, and an unusable file is named', async t => {
  const url = { SDMK_DATABASE_URL: 'postgres://sdmk@127.0.0.1/sdmk' }
  const variable = 'SDMK_METRICS_KEY_FILE'
  assert.equal(loadConfig({ ...enough, ...url }).metrics.key, null)
  const file = await passwordFile(t, 'invented-metrics-key\n')
  assert.equal(loadConfig({ ...enough, ...url, [variable]: file }).metrics.key, 'invented-metrics-key')
  refuses({ ...url, [variable]: `${file}.gone` }, variable, /cannot be read \(ENOENT\)$/)
  refuses({ ...url, [variable]: await passwordFile(t, '') }, variable, /empty/)
})

const role = { SDMK_VAULT_ROLE_ID: 'fetcher', SDMK_VAULT_SECRET_ID_FILE: '/run/secrets/id' }

test('secrets are files unless Vault is configured, with exactly one kind of login', () => {
  assert.equal(loadConfig({ KKI_BASE_URL: 'https://kki.test' }).vault, null)
  const config = loadConfig({ ...vault, ...role }).vault
  assert.equal(config?.address, 'https://vault.test:8200')
  assert.deepEqual([config?.mount, config?.path], ['secret', 'sdmk'])
  assert.deepEqual(config?.login, {
    kind: 'approle',
    mount: 'approle',
    roleId: 'fetcher',
    secretIdFile: '/run/secrets/id'
  })
  const withToken = loadConfig({ ...vault, SDMK_VAULT_TOKEN_FILE: '/run/token' }).vault
  assert.deepEqual(withToken?.login, { kind: 'token', tokenFile: '/run/token' })
})

for (const { given, variable } of [
  { given: vault, variable: 'SDMK_VAULT_TOKEN_FILE' },
  { given: { ...vault, SDMK_VAULT_ROLE_ID: 'fetcher' }, variable: 'SDMK_VAULT_SECRET_ID_FILE' },
  { given: { ...vault, SDMK_VAULT_SECRET_ID_FILE: '/run/id' }, variable: 'SDMK_VAULT_ROLE_ID' },
  { given: { ...vault, ...role, SDMK_VAULT_TOKEN_FILE: '/run/token' }, variable: 'SDMK_VAULT_ROLE_ID' },
  { given: { KKI_BASE_URL: 'https://kki.test', SDMK_VAULT_TOKEN_FILE: '/run/token' }, variable: 'SDMK_VAULT_ADDR' },
  { given: { ...vault, ...role, SDMK_VAULT_ADDR: 'vault.test' }, variable: 'SDMK_VAULT_ADDR' },
  { given: { ...vault, ...role, SDMK_VAULT_MOUNT: '/secret/' }, variable: 'SDMK_VAULT_MOUNT' },
  { given: { ...vault, SDMK_VAULT_TOKEN: 'hvs.secret' }, variable: 'SDMK_VAULT_TOKEN' }
]) {
  const names = Object.keys(given).filter(name => name.startsWith('SDMK'))
  test(`names ${variable} if the settings of Vault do not fit: ${names.join(', ')}`, () => {
    assert.throws(() => loadConfig(given), { code: 'SDMK_CONFIGURATION', variable })
  })
}

test('spans are exported if an endpoint is set and export is not switched off', () => {
  const of = (env: Record<string, string>) => loadConfig({ KKI_BASE_URL: 'https://kki.test', ...env }).tracing
  const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://collector.test:4318'
  assert.equal(of({}), null)
  assert.equal(of({ OTEL_SERVICE_NAME: 'etl-kki-service' }), null)
  assert.deepEqual(of({ OTEL_EXPORTER_OTLP_ENDPOINT }), {
    protocol: 'http/protobuf',
    serviceName: 'sdmk-kki-connector'
  })
  const whole = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector.test/v1/traces' }
  const json = { OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'http/json', OTEL_SERVICE_NAME: 'etl-kki-service' }
  assert.deepEqual(of({ ...whole, ...json }), { protocol: 'http/json', serviceName: 'etl-kki-service' })
  assert.equal(of({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'true' }), null)
  assert.equal(of({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }), null)
  assert.throws(
    () => of({ OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318' }),
    /^ConfigurationError: OTEL_EXPORTER_OTLP_ENDPOINT: /
  )
  assert.throws(
    () => of({ OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }),
    /OTEL_EXPORTER_OTLP_PROTOCOL/
  )
})
