import assert from 'node:assert/strict'
import { access, readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { Command } from 'commander'
import pg from 'pg'
import packageJson from '../../package.json' with { type: 'json' }
import { createProgram } from '../../sidecar/cli/program.ts'
import { loadConfig } from '../../sidecar/config.ts'
import { roles } from '../../sidecar/environment.ts'
import { databaseAddress } from '../../sidecar/platform/database-url.ts'
import { addons } from '../../tools/odoo/server.ts'
import {
  type ComposeService,
  exampleSettings,
  makeSecrets,
  readCompose,
  readText,
  root,
  run,
  variablePattern,
  wordsOf
} from './helpers.ts'

const compose = await readCompose()
const services = Object.entries(compose.services)
const connectorImage = `healthforce/kki-connector:${packageJson.version}`
const simulatorImage = `healthforce/kki-simulator:${packageJson.version}`
/** Our program, as the production image or with the simulator. */
const isConnector = ({ image }: ComposeService) => image === connectorImage || image === simulatorImage
const isOnce = ({ restart }: ComposeService) => restart === 'no'
/** Those with a standing process that is our program. */
const connectors = services.filter(([, service]) => isConnector(service) && service.environment?.SDMK_ROLES)

describe('docker-compose.odoo.yml', { concurrency: true }, () => {
  test('is valid by the JSON Schema of the Compose Specification', async () => {
    const schema = JSON.parse(await readText('test/deploy/compose-spec/compose-spec.json'))
    // The formats are Compose's own words for ports and durations.
    const validate = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).compile(schema)
    assert.ok(validate(compose), JSON.stringify(validate.errors, null, 2))
    assert.ok(!validate({ services: { one: { imago: 'x' } } }), 'the schema rejects unknown keys')
  })

  test('uses each variable of .env.example, and no others', async () => {
    const text = await readText('docker-compose.odoo.yml')
    const used = new Set([...text.matchAll(variablePattern)].map(([, name]) => name))
    // Those of Docker Compose itself.
    const given = Object.keys(await exampleSettings()).filter(name => !name.startsWith('COMPOSE_'))
    assert.deepEqual([...used].sort(), given.sort())
    assert.doesNotMatch(text, /(?<!\$)\$[A-Za-z]|(?<!\$)\$\{[A-Z_]+[^A-Z_}]/, 'no other form of a variable is used')
  })

  for (const [name, { environment }] of services) {
    const url = environment?.SDMK_DATABASE_URL
    if (url === undefined) continue
    test(`${name} connects to the database without TLS, which its server does not offer, and allows that`, () => {
      assert.equal(databaseAddress(url).tls, 'unverified')
      const { command = '' } = compose.services['sdmk-db'] ?? {}
      assert.doesNotMatch(String(command), /ssl/)
      const allowed = String(environment?.SDMK_INSECURE)
      if (!allowed.startsWith('$')) assert.match(allowed, /database/)
    })
  }

  for (const [name, service] of services) {
    test(`${name} can write only its volumes, has no privileges, and has a memory limit`, () => {
      assert.equal(service.read_only, true)
      assert.deepEqual(service.cap_drop, ['ALL'])
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
      assert.match(service.mem_limit, /^\d+[mg]$/)
      assert.ok(service.networks.length > 0, 'is in no default network')
    })

    if (isConnector(service)) {
      test(`${name} keeps its memory out of core files, swap and debuggers`, () => {
        assert.equal(service.memswap_limit, service.mem_limit)
        assert.equal(service.ulimits?.core, 0)
        // Where it has none, that of the image counts.
        if (service.entrypoint) assert.ok(service.entrypoint.includes('--disable-sigusr1'))
      })
    }

    test(`${name} has an image with a pinned version`, () => {
      assert.match(service.image, /^[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9]+)?$/)
      const simulator = { context: '.', target: 'simulator' }
      const built = service.image === connectorImage ? '.' : service.image === simulatorImage ? simulator : undefined
      assert.deepEqual(service.build, built, 'our own images are built, the others are not')
    })

    test(`${name} has a health check, or ends after its work`, () => {
      if (isOnce(service)) return assert.equal(service.healthcheck?.disable ?? false, isConnector(service))
      assert.ok(service.healthcheck?.test || isConnector(service), 'our own image brings its check')
      assert.equal(service.restart, 'unless-stopped')
    })

    test(`${name} starts after the services that it needs`, () => {
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        const other = compose.services[needed]
        assert.ok(other, `there is a service ${needed}`)
        assert.equal(condition, isOnce(other) ? 'service_completed_successfully' : 'service_healthy')
        assert.ok(
          !other.profiles || service.depends_on?.[needed]?.required === false,
          'without its profile it is missed'
        )
      }
    })

    test(`${name} mounts only files of this repository, read-only`, async () => {
      for (const mount of service.volumes ?? []) {
        const [source = '', target, mode] = mount.split(':')
        if (source === '/var/run/docker.sock') {
          assert.equal(name, 'docker-socket', 'is equivalent to root, and so is for the proxy alone')
          continue
        }
        assert.ok(target?.startsWith('/'))
        if (!source.startsWith('.')) assert.ok(source in compose.volumes, `${source} is a volume`)
        else {
          assert.equal(mode, 'ro')
          await access(path.join(root, source))
        }
      }
    })

    test(`${name} gets secrets as files, and only existing ones`, () => {
      const given = (service.secrets ?? []).map(secret => (typeof secret === 'string' ? secret : secret.source))
      for (const secret of given) assert.ok(secret in compose.secrets, secret)
      const targets = (service.secrets ?? []).map(secret => (typeof secret === 'string' ? secret : secret.target))
      for (const [variable, value] of Object.entries(service.environment ?? {})) {
        if (/PASSWORD|TOKEN|SECRET|KEY/.test(variable)) assert.match(variable, /_FILE$|_DIR$/)
        const file = /^\/run\/secrets\/(.+)$/.exec(value)?.[1]
        if (file) assert.ok(targets.includes(file), `${variable} names a secret of this service`)
      }
    })
  }

  test('listens only on the loopback address', () => {
    const ports = services.flatMap(([, service]) => service.ports ?? [])
    assert.ok(ports.length >= 5)
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:\d+:\d+$/)
    for (const [name, { networks, ports: own }] of services) {
      assert.equal(networks.includes('published'), own !== undefined, name)
    }
  })

  test('lets only etl-kki-service reach KKI, and only the alerts reach other addresses', () => {
    const isOpen = (network: string) => {
      const options = compose.networks[network]
      return !options?.internal && options?.driver_opts?.['com.docker.network.bridge.enable_ip_masquerade'] !== 'false'
    }
    const inNetwork = (name: string) =>
      services.filter(([, { networks }]) => networks.includes(name)).map(([key]) => key)
    assert.deepEqual(Object.keys(compose.networks).filter(isOpen).sort(), ['alerts', 'kki'])
    assert.deepEqual(inNetwork('kki').sort(), ['etl-kki-service', 'simulator'])
    assert.deepEqual(inNetwork('alerts'), ['alertmanager'])
    for (const [name, { networks }] of services) {
      for (const network of networks) assert.ok(network in compose.networks, `${name}: ${network}`)
    }
  })

  test('runs each role once, and fetch only in etl-kki-service', () => {
    assert.deepEqual(Object.fromEntries(connectors.map(([name, { environment }]) => [name, environment?.SDMK_ROLES])), {
      'etl-kki-service': 'fetch',
      'sdmk-service': 'registry,api,relay'
    })
    const all = connectors.flatMap(([, { environment }]) => environment?.SDMK_ROLES?.split(',') ?? [])
    assert.deepEqual(all.sort(), [...roles].sort())
    const withKkiLogin = services.filter(([, { secrets }]) => secrets?.includes('vault-secret-id-fetch'))
    assert.deepEqual(withKkiLogin.map(([name]) => name).sort(), ['etl-kki-service', 'vault-seed'])
  })

  test('gives the program only settings that it reads', async t => {
    const secrets = await makeSecrets(t)
    for (const [name, { environment = {} }] of services.filter(([, service]) => isConnector(service))) {
      const text = JSON.stringify(environment).replaceAll('/run/secrets/', `${secrets}/`)
      const config = loadConfig(JSON.parse(text), { talksToKki: 'SDMK_ROLES' in environment })
      if ('SDMK_DATABASE_URL' in environment) {
        const { user, password } = new pg.Client(config.databaseUrl ?? '')
        const isOwner = environment.SDMK_ROLES === undefined
        assert.equal(user, isOwner ? 'sdmk' : 'sdmk_service', name)
        const file = isOwner ? 'sdmk-db-password' : 'sdmk-service-db-password'
        assert.equal(password, await readFile(path.join(secrets, file), 'utf8'), name)
      }
    }
  })

  test('calls only commands that the program has', async () => {
    const called = services.filter(([, service]) => isConnector(service) && service.entrypoint === undefined)
    const commandLines = called.map(([, { command }]) => wordsOf(command)).filter(({ length }) => length > 0)
    assert.ok(commandLines.length >= 3)
    for (const words of commandLines) await parseOnly(words)
    await assert.rejects(parseOnly(['simulator', '--rowz', '1']), /unknown option/)
  })

  test('has the simulator only in the service of that name', () => {
    const found = services.filter(
      ([, { image, command }]) => image === simulatorImage || wordsOf(command)[0] === 'simulator'
    )
    assert.deepEqual(
      found.map(([name, { image }]) => [name, image]),
      [['simulator', simulatorImage]]
    )
  })

  test('gets its secrets from make-secrets.sh, which keeps existing ones', async t => {
    const folder = await makeSecrets(t)
    const made = (await readdir(folder)).sort()
    assert.deepEqual(made, Object.keys(compose.secrets).sort())
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      assert.equal(file, `.data/compose-secrets/${name}`)
    }
    assert.equal((await stat(folder)).mode & 0o777, 0o700, 'only the owner may enter')
    const read = () => Promise.all(made.map(name => readFile(path.join(folder, name), 'utf8')))
    const before = await read()
    assert.ok(before.every(text => text.length > 15))
    assert.equal(new Set(before).size, made.length, 'no two are the same')
    await run('sh', [path.join(root, 'deploy/compose/make-secrets.sh'), folder])
    assert.deepEqual(await read(), before)
  })

  test('gives Alertmanager the webhook at the path of its configuration', async () => {
    const settings = await readText('observability/alertmanager/alertmanager.yml')
    const [secret] = compose.services.alertmanager?.secrets ?? []
    assert.ok(typeof secret === 'object')
    assert.match(settings, new RegExp(`api_url_file: /run/secrets/${secret.target}$`, 'm'))
  })

  test('sets up existing addons, with scripts that the shell can parse', async () => {
    assert.match(await readText('deploy/compose/odoo-setup.sh'), new RegExp(`^addons=${addons.join()}$`, 'm'))
    for (const script of ['database-role.sh', 'openbao.sh'])
      await run('sh', ['-n', path.join(root, 'deploy/compose', script)])
    await run('bash', ['-n', path.join(root, 'deploy/compose/odoo-setup.sh')])
  })
})

/** Parses a command line as `sdmk` would, without running it. @throws the error of the command line */
async function parseOnly(words: string[]): Promise<void> {
  const program = createProgram()
  let isReached = false
  const quiet = (command: Command) => {
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} })
    if (command.commands.length === 0) {
      command.action(() => {
        isReached = true
      })
    }
    for (const child of command.commands) quiet(child)
  }
  quiet(program)
  await program.parseAsync(words, { from: 'user' })
  assert.ok(isReached, `${words.join(' ')} is a whole command`)
}
