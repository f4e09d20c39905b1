import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import { startKki } from '../../bench/world.ts'
import { temporaryFolder } from '../e2e/helpers.ts'
import { environment, runSdmk, sdmk } from '../e2e/process.ts'
import { requestToken } from '../simulator/client.ts'

const pageNumbers = 'contracts/sources/examples/page-number-api-key.json'

/** Starts `sdmk simulator` and returns its first lines. */
async function startSimulator(t: TestContext, args: string[], lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [sdmk, 'simulator', '--port', '0', '--rows', '300', ...args], {
    env: environment({}),
    stdio: ['pipe', 'pipe', 'inherit']
  })
  const exited = once(child, 'exit')
  t.after(async () => {
    child.kill('SIGKILL')
    await exited
  })
  const read: string[] = []
  for await (const line of createInterface({ input: child.stdout, signal: AbortSignal.timeout(120_000) })) {
    read.push(line)
    if (read.length === lines) return read
  }
  throw new Error(`the simulator ended after ${read.length} lines`)
}

test('tokens of the command’s simulator have the requested lifetime', async t => {
  const kki = await startKki(['--rows', '0', '--token-lifetime', '90'])
  t.after(() => kki.stop())
  const token = await requestToken(kki, { grant_type: 'client_credentials' })
  assert.equal(token.expires_in, 90)
})

test('`--like` serves rows as the description expects, and prints the settings of its connector', async t => {
  const [line = ''] = await startSimulator(t, ['--json', '--like', pageNumbers], 1)
  const { url, ...secret } = JSON.parse(line) as { url: string } & Record<string, string>
  assert.deepEqual(Object.keys(secret), ['apiKey'])
  const folder = await temporaryFolder(t)
  await writeFile(path.join(folder, 'kki.json'), JSON.stringify(secret), { mode: 0o600 })
  const env = { KKI_BASE_URL: url, SDMK_SECRETS_DIR: folder }
  const fitting = await runSdmk(['source', 'check', '--json'], { ...env, KKI_SOURCE_FILE: pageNumbers })
  assert.equal(fitting.code, 0, fitting.stdout + fitting.stderr)
  // Our own description does not fit it: the secret has no client id.
  assert.equal((await runSdmk(['source', 'check'], env)).code, 1)
})

test('`--like` prints the matching setting', async t => {
  const lines = await startSimulator(t, ['--like', pageNumbers], 4)
  assert.match(lines[0] ?? '', /^KKI simulator with 300 invented records at http:/)
  assert.equal(lines[2], `  KKI_SOURCE_FILE=${pageNumbers}`)
})

test('`--like` with an invalid description ends and names the place of the error', async t => {
  const file = path.join(await temporaryFolder(t), 'wrong.json')
  await writeFile(file, '{"request": {}}')
  const { code, stderr } = await runSdmk(['simulator', '--port', '0', '--like', file], {})
  assert.notEqual(code, 0)
  assert.match(stderr, /wrong\.json: \/[a-z]+: /)
  assert.equal(stderr.trim().split('\n').length, 1)
})
