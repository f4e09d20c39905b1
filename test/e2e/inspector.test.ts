import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import packageJson from '../../package.json' with { type: 'json' }
import { temporaryFolder } from './helpers.ts'
import { environment, runSdmk, serve, until } from './process.ts'

const flags = (packageJson.scripts.start.split(' node ')[1] ?? '').split(' ').filter(word => word.startsWith('--'))

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

function isOpen(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    }).on('error', () => resolve(false))
  })
}

test('SIGUSR1 opens a debugger in a process without our options, so the next test can detect one', async t => {
  const port = await freePort()
  const child = spawn(
    process.execPath,
    [`--inspect-port=${port}`, '-e', 'console.log("runs"); setInterval(() => {}, 1000)'],
    {
      env: environment({}),
      stdio: ['ignore', 'pipe', 'ignore']
    }
  )
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGUSR1')
  await until('the debugger', () => isOpen(port))
})

test('SIGUSR1 opens no debugger in the service, which continues', async t => {
  const port = await freePort()
  const dataDir = await temporaryFolder(t)
  assert.equal((await runSdmk(['keys', 'init'], { SDMK_DATA_DIR: dataDir })).code, 0)
  const service = await serve(t, { SDMK_DATA_DIR: dataDir, KKI_BASE_URL: 'http://127.0.0.1:9' }, [
    ...flags,
    `--inspect-port=${port}`
  ])
  for (let count = 0; count < 5; count++) {
    service.child.kill('SIGUSR1')
    await wait(200)
    assert.equal(await isOpen(port), false)
    assert.equal((await fetch(`${service.url}/livez`)).status, 200)
  }
})
