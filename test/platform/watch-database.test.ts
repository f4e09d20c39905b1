import assert from 'node:assert/strict'
import { type AddressInfo, createServer } from 'node:net'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isOutage } from '../../sidecar/platform/outage.ts'
import { watchDatabase } from '../../sidecar/platform/watch-database.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'

const options = { intervalMs: 10, answerMs: 100, silentMs: 500 }

/** Returns the address of a server that accepts connections and never answers, as a frozen one does. */
async function startFrozenServer(t: TestContext): Promise<string> {
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer(socket => {
    socket.on('error', () => undefined)
    sockets.add(socket)
  })
  server.listen(0, '127.0.0.1')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await new Promise(resolve => server.once('listening', resolve))
  return `postgres://nobody@127.0.0.1:${(server.address() as AddressInfo).port}/sdmk`
}

test('connections to a server that answers nothing are dropped after a while', async t => {
  const url = await startFrozenServer(t)
  const started = performance.now()
  const { promise: dropped, resolve } = Promise.withResolvers<void>()
  const watch = watchDatabase(url, { dropConnections: resolve }, silent, options)
  await dropped
  await watch.close()
  assert.ok(performance.now() - started >= options.silentMs)
})

test('a server that answers, or denies connections, keeps its connections', async t => {
  const { url } = await createTestDatabase(t)
  for (const address of [url, 'postgres://nobody@127.0.0.1:9/sdmk', url.replace(/:[^:@/]*@/, ':wrong@')]) {
    let drops = 0
    // A busy machine may take long for an answer; only silence counts here.
    const watch = watchDatabase(address, { dropConnections: () => void drops++ }, silent, {
      ...options,
      answerMs: 60_000
    })
    await sleep(options.silentMs * 2)
    await watch.close()
    assert.equal(drops, 0)
  }
})

test('work on a dropped connection fails at once, as an outage, and later work gets another connection', async t => {
  const { database } = await createTestDatabase(t)
  const { promise: isBusy, resolve } = Promise.withResolvers<void>()
  const work = database.withTransaction(async client => {
    const answer = client.query('select pg_sleep(3600)')
    resolve()
    await answer
  })
  const failed = assert.rejects(work, error => isOutage(error))
  await isBusy
  database.dropConnections()
  await failed
  assert.equal((await database.pool.query('select 1')).rowCount, 1)
})
