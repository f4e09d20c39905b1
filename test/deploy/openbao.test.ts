import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { temporaryFolder } from '../e2e/helpers.ts'
import { until } from '../e2e/process.ts'
import { makeSecrets, root, run } from './helpers.ts'

/** Stands for the command of OpenBao: it stores in files the data of the server, and records each call. */
const fakeBao = `#!/bin/sh
echo "$*" >> "$STATE/calls"
case "$1 $2" in
  "server "*) : > "$STATE/sealed"; exec sleep 600 ;;
  "operator init")
    if [ "$3" = -status ]; then [ -e "$STATE/made" ] && exit 0; exit 2; fi
    : > "$STATE/made"
    printf 'Unseal Key 1: the-key\\n\\nInitial Root Token: the-root\\n' ;;
  "operator unseal") [ "$3" = the-key ] && rm "$STATE/sealed" ;;
  "token lookup") [ "$BAO_TOKEN" = the-root ] && grep -qx "$3" "$STATE/tokens" ;;
  "token create") [ "$BAO_TOKEN" = the-root ] && [ ! -e "$STATE/sealed" ] && echo "\${3#-id=}" >> "$STATE/tokens" ;;
esac
`

test('the secret store is created once, and each start opens it with its content', async t => {
  const folder = await temporaryFolder(t)
  for (const name of ['bin', 'data', 'state', 'secrets']) await mkdir(path.join(folder, name))
  await writeFile(path.join(folder, 'bin/bao'), fakeBao)
  await chmod(path.join(folder, 'bin/bao'), 0o755)
  await writeFile(path.join(folder, 'secrets/vault-root-token'), 'a-token-of-ours')
  const ready = path.join(folder, 'ready')
  const read = (name: string) => readFile(path.join(folder, name), 'utf8')
  const start = async (): Promise<ChildProcess> => {
    await rm(ready, { force: true })
    const child = spawn('sh', [path.join(root, 'deploy/compose/openbao.sh')], {
      env: {
        PATH: `${path.join(folder, 'bin')}:${process.env.PATH}`,
        STATE: path.join(folder, 'state'),
        DATA: path.join(folder, 'data'),
        SECRETS_DIR: path.join(folder, 'secrets'),
        READY: ready
      }
    })
    t.after(() => child.kill('SIGTERM'))
    await until('the store is open', () =>
      read('ready').then(
        () => true,
        () => false
      )
    )
    return child
  }

  for (const _ of [1, 2]) {
    const child = await start()
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  assert.equal(await read('state/tokens'), 'a-token-of-ours\n', 'the token is made once')
  const calls = (await read('state/calls')).split('\n')
  assert.equal(calls.filter(call => call.startsWith('operator init -key')).length, 1)
  assert.equal(calls.filter(call => call === 'operator unseal the-key').length, 2)
})

test('rotated keys stay when the compose file is started again', async t => {
  const secrets = await makeSecrets(t)
  const stored = new Map<string, unknown>()
  const { url } = await startStore(t, stored)
  const env = { ...process.env, VAULT_ADDR: url, SECRETS_DIR: secrets, POLICIES_DIR: path.join(root, 'deploy/vault') }
  const seed = () => run(process.execPath, [path.join(root, 'tools/compose/seed-vault.ts')], { env })
  await seed()
  const first = JSON.parse(await readFile(path.join(secrets, 'nik-keys.json'), 'utf8'))
  assert.deepEqual(stored.get('secret/data/sdmk/nik-keys'), first)

  const rotated = { ...first, sealKeyId: '2', sealKey2: 'another' }
  stored.set('secret/data/sdmk/nik-keys', rotated)
  await writeFile(path.join(secrets, 'kki.json'), '{"clientId": "new", "clientSecret": "new"}')
  assert.match((await seed()).stdout, /The secret "nik-keys" was not changed/)
  assert.deepEqual(stored.get('secret/data/sdmk/nik-keys'), rotated)
  assert.deepEqual(stored.get('secret/data/sdmk/kki'), { clientId: 'new', clientSecret: 'new' })
})

/** Stores written values, and answers like OpenBao as far as seed-vault.ts reads the answer. */
async function startStore(t: TestContext, stored: Map<string, unknown>): Promise<{ url: string }> {
  const server = createServer(async (request, response) => {
    const address = (request.url ?? '').slice('/v1/'.length)
    const body = JSON.parse((await buffer(request)).toString() || '{}')
    const send = (data: unknown) => response.end(JSON.stringify({ data }))
    if (address.startsWith('sys/') && request.method === 'GET') send({ 'secret/': {}, 'approle/': {} })
    else if (address.endsWith('secret-id/lookup')) send({ secret_id_accessor: 'one' })
    else if (address.endsWith('?list=true')) send({ keys: ['one'] })
    else if (request.method === 'GET')
      stored.has(address) ? send({ data: stored.get(address) }) : response.writeHead(404).end()
    else {
      stored.set(address, body.data)
      send({})
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
