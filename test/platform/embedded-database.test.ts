import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, lstat, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { type EmbeddedDatabase, startEmbeddedDatabase } from '../../sidecar/platform/embedded-database.ts'
import { silent } from '../helpers/server.ts'

const settings = { shared_buffers: '16MB' }
const isRoot = process.getuid?.() === 0
/** Any number without a user would do; this one has none on all systems. */
const nobody = 65_534

/** Creates a folder that is removed after the test. By default everybody may enter it. */
async function folder(t: TestContext, mode = 0o711): Promise<string> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-embedded-'))
  await chmod(directory, mode)
  t.after(async () => {
    // A server can only be stopped while its folder is there.
    for (const database of running.splice(0)) await database.stop()
    await rm(directory, { recursive: true, force: true })
  })
  return directory
}

const running: EmbeddedDatabase[] = []

/** Starts the database here; it is stopped after the test. */
async function start(directory: string, shelter?: string) {
  const database = await startEmbeddedDatabase({ directory, logger: silent, settings, ...(shelter && { shelter }) })
  running.push(database)
  return database
}

async function query(url: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

/** Starts the database in a separate process. */
async function startChild(t: TestContext, ...args: string[]): Promise<ChildProcess & { url: string }> {
  const child = fork(fileURLToPath(new URL('./embedded-child.ts', import.meta.url)), args)
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  })
  const [message] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the child ended with code ${code}`)))
  ])
  return Object.assign(child, { url: (message as { url: string }).url })
}

test('the first start creates a UTF-8 database with a password, only for this machine', async t => {
  const directory = await folder(t)
  const { url, adopted } = await start(directory)
  assert.equal(adopted, false)
  const [row] = await query(
    url,
    `select current_database() as name, current_setting('server_encoding') as encoding, current_setting('fsync') as fsync,
      current_setting('listen_addresses') as address, current_setting('server_version_num')::int / 10000 as major`
  )
  assert.deepEqual(row, { name: 'sdmk', encoding: 'UTF8', fsync: 'on', address: '127.0.0.1', major: 15 })
  const wrong = new URL(url)
  wrong.password = 'another'
  await assert.rejects(query(wrong.href, 'select 1'), { code: '28P01' })
  const password = path.join(directory, 'postgres', 'cluster', 'password')
  assert.equal((await stat(password)).mode & 0o777, 0o600)
  assert.equal((await readFile(password, 'utf8')).trim(), new URL(url).password)
})

test('stored data is still there after a stop and a new start', async t => {
  const directory = await folder(t)
  const first = await start(directory)
  await query(first.url, 'create table kept as select 42 as answer')
  await first.stop()
  await assert.rejects(query(first.url, 'select 1'), { code: 'ECONNREFUSED' })
  const second = await start(directory)
  assert.equal(second.adopted, false)
  assert.deepEqual(await query(second.url, 'select answer from kept'), [{ answer: 42 }])
})

test('a server left behind by a killed process is taken over, and stopped in the end', async t => {
  const directory = await folder(t)
  const child = await startChild(t, directory)
  await query(child.url, 'create table kept as select 42 as answer')
  child.kill('SIGKILL')
  await once(child, 'exit')
  const adopted = await start(directory)
  assert.equal(adopted.adopted, true)
  assert.equal(adopted.url, child.url)
  assert.deepEqual(await query(adopted.url, 'select answer from kept'), [{ answer: 42 }])
  await adopted.stop()
  await assert.rejects(query(adopted.url, 'select 1'), { code: 'ECONNREFUSED' })
})

test('a killed server starts again with its data', async t => {
  const directory = await folder(t)
  const first = await start(directory)
  await query(first.url, 'create table kept as select 42 as answer')
  const pidFile = path.join(directory, 'postgres', 'cluster', 'data', 'postmaster.pid')
  process.kill(Number((await readFile(pidFile, 'utf8')).split('\n')[0]), 'SIGKILL')
  const second = await start(directory)
  assert.deepEqual(await query(second.url, 'select answer from kept'), [{ answer: 42 }])
})

test('processes that start at the same moment in an empty folder share one server', async t => {
  const directory = await folder(t)
  const children = await Promise.all([1, 2, 3].map(() => startChild(t, directory)))
  assert.equal(new Set(children.map(({ url }) => url)).size, 1)
  const { stop } = await start(directory)
  await stop()
})

test('a folder that the database’s user may not enter is replaced by one outside, until it is removed', async t => {
  const closed = await folder(t, 0o700)
  const shelter = await folder(t)
  const directory = path.join(closed, 'data')
  const first = await start(directory, shelter)
  await query(first.url, 'create table kept as select 42 as answer')
  assert.equal((await lstat(path.join(directory, 'postgres'))).isSymbolicLink(), isRoot)
  await first.stop()
  const second = await start(directory, shelter)
  assert.deepEqual(await query(second.url, 'select answer from kept'), [{ answer: 42 }])
  await second.stop()
  await rm(directory, { recursive: true })
  const third = await start(directory, shelter)
  await assert.rejects(query(third.url, 'select answer from kept'), { code: '42P01' })
})

test('an ordinary user starts and stops it in their own folder', async t => {
  const directory = await folder(t, 0o700)
  const binaries = await folder(t, 0o755)
  if (isRoot) await chown(directory, nobody, nobody)
  const child = await startChild(t, directory, ...(isRoot ? [String(nobody), binaries] : []))
  const owner = await stat(path.join(directory, 'postgres', 'cluster', 'data'))
  assert.equal(owner.uid, isRoot ? nobody : process.getuid?.())
  assert.deepEqual(await query(child.url, 'select 1 as one'), [{ one: 1 }])
  child.send('stop')
  const [code] = await once(child, 'exit')
  assert.equal(code, 0)
  await assert.rejects(query(child.url, 'select 1'), { code: 'ECONNREFUSED' })
})
