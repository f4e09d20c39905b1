import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import path from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { PackagesUnavailable } from '../../tools/debian/unpack.ts'
import { installHaproxy } from '../../tools/haproxy/install.ts'
import { temporaryFolder } from '../e2e/helpers.ts'
import { until } from '../e2e/process.ts'
import { readText, run } from './helpers.ts'

const { programs, skip } = await programsOrReason()
const id = 'a1'.repeat(32)

describe('attack: from the collector of logs to root on the machine, through the socket of Docker', { skip }, () => {
  test('only requests that read logs pass', { timeout: 300_000 }, async t => {
    const { ask, passed } = await startProxy(t)
    const reads = [
      '/_ping',
      '/version',
      '/v1.51/containers/json?all=1&filters=%7B%7D',
      '/v1.51/networks',
      `/v1.51/containers/${id}/json`,
      `/containers/${id}/logs?follow=1&stdout=1&stderr=1`
    ]
    for (const address of reads) assert.equal(await ask('GET', address), 200, address)
    assert.deepEqual(
      passed.map(({ url }) => url),
      reads
    )

    const writes = [
      '/v1.51/containers/create',
      `/v1.51/containers/${id}/start`,
      `/v1.51/containers/${id}/exec`,
      `/exec/${id}/start`,
      '/images/create?fromImage=x',
      '/v1.51/containers/json',
      `/containers/${id}/logs`
    ]
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'PURGE']) {
      for (const address of writes) assert.equal(await ask(method, address), 403, `${method} ${address}`)
    }
    const others = [
      '/',
      '/secrets',
      '/configs',
      '/events',
      '/swarm/unlockkey',
      '/images/json',
      '/system/df',
      `/containers/${id}/archive?path=/run/secrets`,
      `/containers/${id}/export`,
      `/containers/${id}/attach/ws?stream=1`,
      `/containers/${id}/top`,
      `/containers/${id}/json/../archive?path=/run/secrets`,
      `/containers/${id}%2farchive%3fpath=/json`,
      `/containers/../secrets/${id}/json`,
      `/containers/${id}/logs%00`,
      `//containers/${id}/archive`,
      `/v1.51/../containers/${id}/archive`,
      `/containers/name-of-a-container/json`
    ]
    for (const address of others) assert.equal(await ask('GET', address), 403, address)
    assert.equal(passed.length, reads.length, 'Docker has seen nothing of these')

    assert.equal(await ask('GET', '/_ping', { connection: 'upgrade', upgrade: 'tcp' }), 200)
    assert.equal(passed.at(-1)?.upgrade, undefined, 'no connection becomes another protocol')
  })
})

/** Starts the proxy of the compose file before a server on a Unix socket, in the place of Docker. */
async function startProxy(t: TestContext) {
  const { haproxy, env } = programs as NonNullable<typeof programs>
  const folder = await temporaryFolder(t)
  const socket = path.join(folder, 'docker.sock')
  const passed: { url: string | undefined; upgrade: string | undefined }[] = []
  const docker = createServer((asked, response) => {
    passed.push({ url: asked.url, upgrade: asked.headers.upgrade })
    response.end('{}')
  }).listen(socket)
  await once(docker, 'listening')
  t.after(() => docker.close())

  const port = 30_000 + Math.floor(Math.random() * 20_000)
  const file = path.join(folder, 'haproxy.cfg')
  const shipped = await readText('deploy/compose/docker-socket.cfg')
  const text = shipped.replace('bind :2375', `bind 127.0.0.1:${port}`).replace('/var/run/docker.sock', socket)
  assert.ok(text.includes(socket) && text.includes(String(port)))
  await writeFile(file, text)
  await run(haproxy, ['-c', '-f', file], { env })
  const child = spawn(haproxy, ['-db', '-f', file], { env, stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))

  const ask = (method: string, address: string, headers = {}) =>
    new Promise<number>((resolve, reject) => {
      const options = { host: '127.0.0.1', port, method, path: address, headers }
      request(options, response => resolve(response.resume().statusCode ?? 0))
        .on('error', reject)
        .end()
    })
  await until('the proxy answers', () =>
    ask('GET', '/').then(
      status => status === 403,
      () => false
    )
  )
  return { ask, passed }
}

async function programsOrReason() {
  try {
    return { programs: await installHaproxy(), skip: false }
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof PackagesUnavailable)) throw error
    return { skip: `no HAProxy: ${error.message}` }
  }
}
