/** Runs the commands of guides as they are written there, in one shell; only addresses, folders and secrets are replaced. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import net from 'node:net'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { startSimulator } from '../../simulator/simulator.ts'
import { shellBlocks } from '../docs/helpers.ts'
import { serverUrl, urlOf, withAdmin } from '../helpers/server.ts'
import { temporaryFolder } from './helpers.ts'
import { environment, sdmk } from './process.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

/** Returns the blocks of a page that name this file, each with these texts replaced. */
function blocksOf(page: string, replacements: Record<string, string>): string[] {
  return shellBlocks(page)
    .filter(({ runBy }) => runBy.some(file => import.meta.url.endsWith(file)))
    .map(({ text }) => Object.entries(replacements).reduce((result, [from, to]) => result.replaceAll(from, to), text))
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Ends the processes of a group, and waits for them: a service stops its PostgreSQL first. */
async function endGroup(group: number): Promise<void> {
  try {
    process.kill(-group, 'SIGTERM')
    for (let i = 0; i < 600; i++) {
      process.kill(-group, 0)
      await wait(100)
    }
    process.kill(-group, 'SIGKILL')
  } catch {
    // All of them have ended.
  }
}

/** Runs a script with bash, which ends at the first command that fails; returns its output. Its services end with it. */
async function runShell(t: TestContext, script: string[], env: Record<string, string>): Promise<string> {
  const child = spawn('bash', ['-c', ['set -euo pipefail', helpers, ...script].join('\n')], {
    cwd: root,
    env: environment({ PATH: `${path.dirname(process.execPath)}:${process.env.PATH}`, ...env }),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true
  })
  const end = () => endGroup(child.pid as number)
  t.after(end)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      output += chunk
    })
  }
  const [code] = await once(child, 'exit', { signal: AbortSignal.timeout(600_000) })
  await end()
  assert.equal(code, 0, output)
  return output
}

/** `until_answers` waits for an address. `curl` fails if the answer is an error, and shows its body. */
const helpers = `
until_answers() { for _ in $(seq 600); do command curl -sf "$1" > /dev/null && return; sleep 0.5; done; return 1; }
curl() { command curl --fail-with-body "$@"; }`

/** Runs a command in the background, with further options, and waits until its address answers. */
function inBackground(block: string, command: string, address: string, options = ''): string {
  const pattern = new RegExp(`^(${command}[^#&\\n]*)[^\\n]*$`, 'm')
  assert.match(block, pattern)
  return block.replace(pattern, `$1 ${options} &\nuntil_answers ${address}`)
}

test('the guide to connect a KKI can be followed command by command, and then the examples of the API', async t => {
  const folder = await temporaryFolder(t)
  const [kkiPort, apiPort] = [await freePort(), await freePort()]
  const [kki, api] = [`http://127.0.0.1:${kkiPort}`, `http://127.0.0.1:${apiPort}`]
  const blocks = blocksOf('docs/integrate/connect.md', {
    '$PWD/.data/secrets': `${folder}/secrets`,
    'page.json': `${folder}/page.json`,
    'council.json': `${folder}/council.json`,
    'http://127.0.0.1:4010': kki,
    'http://127.0.0.1:8080': api,
    'https://council.example': kki,
    'X-Konsil-Key: …': 'X-Konsil-Key: simulator-secret',
    '{"planDigest":"…"}': `{"planDigest":"'$digest'"}`
  })
  assert.equal(blocks.length, 9)
  const [prepare = '', ask = '', simulate = '', check = '', checkMore = '', hold = '', look = '', decide = ''] = blocks
  const [apply = '', discard = ''] = decide.trim().split('\n')
  const examples = blocksOf('docs/integrate/rest-api.md', {
    'sdmk_…': '$key',
    'https://sdmk.example': api,
    '/v1/runs/27': '/v1/runs/1',
    '/v1/health-workers/17/': '/v1/health-workers/1/'
  })
  assert.equal(examples.length, 3)
  const output = await runShell(
    t,
    [
      prepare,
      inBackground(simulate, 'sdmk simulator', `${kki}/_stats`, `--port ${kkiPort}`),
      ask,
      check,
      checkMore,
      hold,
      inBackground(look, 'npm start', `${api}/readyz`),
      `digest=$(api ${api}/v1/batches/1 | sed -E 's/.*"planDigest":"([^"]+)".*/\\1/')`,
      // One of the two: an applied batch cannot be discarded.
      apply,
      `for _ in $(seq 600); do api ${api}/v1/batches/1 | grep -q '"state":"applied"' && break; sleep 0.5; done`,
      `{ ${discard} || true; } | grep -q '"code":"BATCH_STATE"'`,
      ...examples
    ],
    // A database whose folder its user cannot enter is created below the folder for temporary files.
    { SDMK_DATA_DIR: `${folder}/data`, SDMK_PORT: String(apiPort), TMPDIR: folder }
  )
  assert.match(output, /^Fine: the source answers as described\.$/m)
  assert.match(output, /"items":\[\{.*"next":/, 'people were found')
})

test('the other layout of the guide is stored as its comments say', async t => {
  const folder = await temporaryFolder(t)
  const port = await freePort()
  const kki = `http://127.0.0.1:${port}`
  const block = blocksOf('docs/integrate/connect.md', { 'http://127.0.0.1:4010': kki }).at(-1) ?? ''
  await mkdir(`${folder}/secrets`, { mode: 0o700 })
  const secret = JSON.stringify({ clientId: 'sdmk', clientSecret: 'simulator-secret' })
  await writeFile(`${folder}/secrets/kki.json`, secret, { mode: 0o600 })
  const output = await runShell(
    t,
    [
      'sdmk() { npm run --silent sdmk -- "$@"; }',
      'sdmk keys init',
      inBackground(block, 'sdmk simulator', `${kki}/_stats`, `--port ${port}`)
    ],
    { SDMK_DATA_DIR: `${folder}/data`, SDMK_SECRETS_DIR: `${folder}/secrets`, KKI_BASE_URL: kki }
  )
  assert.match(output, /^ +rejected +1$/m)
  assert.match(output, /^ +created +1$/m)
})

test('an installation with two logins starts as the pages say', async t => {
  const folder = await temporaryFolder(t)
  const simulator = await startSimulator({ rows: 50 })
  t.after(() => simulator.close())
  const server = new URL(await serverUrl())
  const port = await freePort()
  const suffix = randomBytes(4).toString('hex')
  const [owner, service, database] = [`owner_${suffix}`, `service_${suffix}`, `installed_${suffix}`]
  const names = {
    sdmk_owner: owner,
    sdmk_service: service,
    'create database sdmk ': `create database ${database} `,
    'on database sdmk ': `on database ${database} `,
    'db.example/sdmk': `${server.host}/${database}`,
    '/etc/sdmk/': `${folder}/`,
    'https://kki.example': simulator.url
  }
  const [start = '', create = ''] = blocksOf('docs/operate/installation.md', names)
  const [migrate = ''] = blocksOf('docs/operate/database.md', {
    ...names,
    ':…@': ':owner-password@',
    'keys create operator': 'keys create another'
  })
  const statements = /<<'SQL'\n(.*)SQL/s.exec(create)?.[1] ?? ''
  assert.match(statements, /create database/)
  t.after(() =>
    withAdmin(server.href, async client => {
      await client.query(`drop database if exists ${database} with (force)`)
      for (const role of [owner, service]) await client.query(`drop role if exists ${role}`)
    })
  )
  await withAdmin(server.href, async client => {
    for (const statement of statements.split(/;\s*/).filter(Boolean)) {
      await client.query(statement.replace(/:'(\w+)_password'/, "'$1-password'"))
    }
  })
  await mkdir(`${folder}/secrets`, { mode: 0o700 })
  await mkdir(`${folder}/bin`)
  await symlink(sdmk, `${folder}/bin/sdmk`)
  const files = {
    'secrets/kki.json': JSON.stringify(simulator.secret),
    'database-password': 'service-password',
    'owner-password': 'owner-password'
  }
  for (const [name, text] of Object.entries(files)) await writeFile(`${folder}/${name}`, text, { mode: 0o600 })
  const output = await runShell(
    t,
    [
      `( ${migrate} )`,
      inBackground(start, 'npm start', `http://127.0.0.1:${port}/readyz`),
      `curl -s http://127.0.0.1:${port}/readyz`
    ],
    {
      PATH: `${folder}/bin:${path.dirname(process.execPath)}:${process.env.PATH}`,
      SDMK_PORT: String(port),
      SDMK_DATA_DIR: `${folder}/data`
    }
  )
  assert.match(output, /"restricted":true/)
  const client = new pg.Client({ connectionString: urlOf(server.href, database) })
  await client.connect()
  const { rows } = await client.query('select name from kki.api_key order by name').finally(() => client.end())
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['another', 'operator']
  )
})
