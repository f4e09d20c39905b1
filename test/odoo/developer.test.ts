import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, stat } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { OdooAccount } from '../../tools/odoo/accounts.ts'
import { temporaryFolder } from '../e2e/helpers.ts'
import { environment, runFile, runSdmk } from '../e2e/process.ts'
import { whyNoOdoo } from '../helpers/odoo.ts'

const skip = await whyNoOdoo()
const cli = fileURLToPath(new URL('../../tools/odoo/cli.ts', import.meta.url))

describe('the Odoo of a developer', () => {
  test('keeps its users and their passwords, and ends with Ctrl-C', { skip, timeout: 1_800_000 }, async t => {
    const dataDir = await temporaryFolder(t)
    const setUp = await runFile(cli, ['--exit-after-setup'], { SDMK_DATA_DIR: dataDir })
    assert.equal(setUp.code, 0, setUp.stderr)
    assert.match(setUp.stderr, /Setting up Odoo/)
    const { accounts } = JSON.parse(setUp.stdout.trim().split('\n').at(-1) as string) as { accounts: OdooAccount[] }
    assert.deepEqual(
      accounts.map(({ login, lang }) => [login, lang]),
      [
        ['admin', 'en_US'],
        ['verifikator', 'id_ID'],
        ['auditor', 'en_US']
      ]
    )
    for (const secret of ['passwords.json', 'odoo.conf']) {
      assert.equal((await stat(path.join(dataDir, 'odoo', secret))).mode & 0o077, 0, `${secret} is its owner's alone`)
    }

    const child = spawn(process.execPath, [cli, '--port', '0'], {
      env: environment({ SDMK_DATA_DIR: dataDir }),
      stdio: ['ignore', 'pipe', 'pipe']
    })
    const exited = once(child, 'exit')
    t.after(() => void child.kill('SIGKILL'))
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      stderr += text
    })
    const url = await firstMatch(child.stdout, /http:\S+/)
    assert.doesNotMatch(stderr, /Setting up|have changed/, 'the existing one is used')
    for (const { login, password, lang } of accounts) {
      const user = await signIn(url, login, password)
      assert.equal(user?.user_context.lang, lang, login)
    }
    assert.equal(await signIn(url, 'verifikator', 'wrong'), undefined)

    const second = await runFile(cli, ['--exit-after-setup'], { SDMK_DATA_DIR: dataDir })
    assert.equal(second.code, 1)
    assert.match(second.stderr, /already runs/)

    child.kill('SIGINT')
    const [code] = await exited
    assert.equal(code, 0, stderr)
    await assert.rejects(fetch(url), 'Odoo is gone')
    await assert.rejects(access(path.join(dataDir, 'postgres/cluster/data/postmaster.pid')), 'and so is its database')
  })

  test('shows the data of the registry after the demo', { skip, timeout: 1_800_000 }, async t => {
    const dataDir = await temporaryFolder(t)
    const { code, stdout, stderr } = await runSdmk(['demo', '--odoo', '--exit', '--rows', '2000', '--own', '500'], {
      SDMK_DATA_DIR: dataDir,
      SDMK_PORT: '0'
    })
    assert.equal(code, 0, stderr)
    const { registry, odoo } = JSON.parse(stdout.trim().split('\n').at(-1) as string)
    assert.deepEqual(odoo, registry)
    assert.deepEqual(Object.keys(odoo), ['healthWorkers', 'registrations', 'batches', 'rejections'])
    for (const [kind, count] of Object.entries(odoo)) assert.ok((count as number) > 0, kind)
    await assert.rejects(access(path.join(dataDir, 'postgres/cluster/data/postmaster.pid')), 'all of it has ended')
  })
})

async function signIn(url: string, login: string, password: string) {
  const response = await fetch(`${url}/web/session/authenticate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', params: { db: 'sdmk_odoo', login, password } })
  })
  return ((await response.json()) as { result?: { user_context: { lang: string } } }).result
}

async function firstMatch(stream: NodeJS.ReadableStream, pattern: RegExp): Promise<string> {
  for await (const line of createInterface({ input: stream })) {
    const found = pattern.exec(line)
    if (found) return found[0]
  }
  throw new Error(`it ended before it said ${pattern}`)
}
