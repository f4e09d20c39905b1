import assert from 'node:assert/strict'
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import Fastify, { type FastifyInstance } from 'fastify'
import database from '../../sidecar/platform/database.ts'
import health from '../../sidecar/platform/health.ts'
import { readFolderId } from '../../sidecar/secrets/folder-id.ts'
import oneFolder from '../../sidecar/secrets/one-folder.ts'
import { createTestDatabase } from '../helpers/database.ts'

const refusal = { code: 'SDMK_CONFIGURATION', variable: 'SDMK_SECRETS_DIR', message: /another folder/ }

async function folder(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'one-folder-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Starts the claim of a fetching process for this folder; it ends with the test. */
async function start(t: TestContext, databaseUrl: string, directory: string): Promise<FastifyInstance> {
  const app = Fastify()
  t.after(() => app.close())
  await app.register(health)
  await app.register(database, { url: databaseUrl, maxConnections: 2 })
  await app.register(oneFolder, { databaseUrl, directory, pauseMs: 4000 })
  await app.ready()
  return app
}

test('a folder has one id, whichever process and path asks first, and a copy of it has another', async t => {
  const directory = await folder(t)
  const [id, ...others] = await Promise.all(Array.from({ length: 5 }, () => readFolderId(join(directory, 'a'))))
  assert.deepEqual(others, Array(4).fill(id))
  await symlink(join(directory, 'a'), join(directory, 'b'))
  await cp(join(directory, 'a'), join(directory, 'c'), { recursive: true })

  assert.equal(await readFolderId(join(directory, 'b')), id)
  assert.notEqual(await readFolderId(join(directory, 'c')), id)
})

describe('fetching processes that keep secrets in files', { concurrency: true }, () => {
  test('start side by side with one folder', async t => {
    const { url } = await createTestDatabase(t)
    const directory = await folder(t)

    await Promise.all([start(t, url, directory), start(t, url, directory), start(t, url, directory)])
  })

  test('do not start while another folder is in use, and start afterwards', async t => {
    const { url } = await createTestDatabase(t)
    const first = await start(t, url, await folder(t))
    const other = await folder(t)

    await assert.rejects(start(t, url, other), refusal)
    await first.close()
    await start(t, url, other)
  })

  test('if two start together with two folders, one stays', async t => {
    const { url } = await createTestDatabase(t)
    const started = await Promise.allSettled([start(t, url, await folder(t)), start(t, url, await folder(t))])

    assert.deepEqual(started.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  })

  test('are independent of another database', async t => {
    const [one, two] = await Promise.all([createTestDatabase(t), createTestDatabase(t)])

    await start(t, one.url, await folder(t))
    await start(t, two.url, await folder(t))
  })

  test('claim their folder again after an outage of the database, and are not ready if another came first', async t => {
    const { url, pool } = await createTestDatabase(t)
    const first = await start(t, url, await folder(t))
    const cut =
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'sdmk secrets folder' and datname = current_database()"
    await pool.query(cut)
    // Within the pause before the claim is made again.
    const second = await start(t, url, await folder(t))
    const isReady = async () => (await first.inject('/readyz')).json().checks.secrets.status === 'ok'
    const end = Date.now() + 120_000
    while (await isReady()) {
      assert.ok(Date.now() < end, 'the first process did not notice')
      await wait(200)
    }
    await second.close()
    while (!(await isReady())) {
      assert.ok(Date.now() < end, 'the first process did not recover')
      await wait(200)
    }
  })
})
