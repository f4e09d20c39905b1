import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { holdDigestKey, lockDigestKey, readFingerprint } from '../../sidecar/identity/digest-key.ts'
import { DigestKeyHeld, DigestKeyUnknown, SealUnfit } from '../../sidecar/identity/errors.ts'
import { createIdentity, type Identity, newKey } from '../../sidecar/identity/keys.ts'
import { createDatabase, type Database } from '../../sidecar/platform/database.ts'
import { redigest } from '../../sidecar/privacy/redigest.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'
import { applyRows, candidate } from './helpers.ts'

/** A registry with some people, connections of its owner and of processes that use it, and the keys of a rotation. */
async function registry(t: TestContext) {
  const { url, ownerUrl } = await createTestDatabase(t)
  const open = (address: string, identity?: Identity): Database => {
    const onConnect = identity && ((client: Parameters<typeof holdDigestKey>[0]) => holdDigestKey(client, identity))
    const opened = createDatabase({ url: address, maxConnections: 2, applicationName: 'sdmk one', onConnect }, silent)
    t.after(() => opened.pool.ended || opened.pool.end())
    return opened
  }
  const secret = { digestKey: newKey(), digestKeyNext: newKey(), sealKeyId: '1', sealKey1: newKey() }
  const keys = { present: createIdentity(secret), next: createIdentity(secret, undefined, 'digestKeyNext') }
  const owner = open(ownerUrl)
  await applyRows(owner, keys.present, [candidate(), candidate(), candidate()])
  await owner.pool.query('insert into sdmk.digest_key (fingerprint) values ($1)', [keys.present.fingerprint])
  const rotate = () =>
    owner.withTransaction(async client => {
      await lockDigestKey(client)
      return redigest(client, keys)
    })
  return { owner, keys, rotate, use: (identity: Identity) => open(url, identity) }
}

const fingerprintOf = ({ withTransaction }: Database) => withTransaction(readFingerprint)

describe('a rotation of the digest key', () => {
  test('is denied with the names of the processes that hold the key, and denies new processes meanwhile', async t => {
    const { owner, keys, rotate, use } = await registry(t)
    const process = use(keys.present)
    const { rows } = await process.pool.query<{ pid: number }>('select pg_backend_pid() as pid')
    await assert.rejects(rotate(), (error: unknown) => {
      assert.ok(error instanceof DigestKeyHeld)
      assert.match(error.message, new RegExp(`"sdmk one" from .* \\(PostgreSQL pid ${rows[0]?.pid}\\)`))
      return true
    })
    await process.pool.end()
    await owner.withTransaction(async client => {
      await lockDigestKey(client)
      await assert.rejects(use(keys.present).pool.query('select'), DigestKeyHeld)
    })
    assert.ok((await rotate()).digests >= 3)
    await assert.rejects(use(keys.present).pool.query('select'), DigestKeyUnknown)
    await use(keys.next).pool.query('select')
  })

  test('lets no transaction of the former key commit, also after a lost connection', async t => {
    const { owner, keys, rotate, use } = await registry(t)
    const process = use(keys.present)
    const late = candidate()
    const digest = keys.present.digestNik(late.nik as string)
    const working = process.withTransaction(async client => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
      const insert = (nik: Buffer) =>
        client.query(
          `insert into sdmk.health_worker (nik_digest, nik_sealed, name, name_key, name_at, nik_at)
          values ($1, $2, 'Late', 'LATE', now(), now())`,
          [nik, randomBytes(40)]
        )
      await insert(digest)
      // As the server does with a process that was paused for long.
      await owner.pool.query('select pg_terminate_backend($1, 10000)', [rows[0]?.pid])
      await rotate()
      await insert(randomBytes(32))
    })
    await assert.rejects(working)
    await assert.rejects(
      process.withTransaction(client => client.query('select')),
      DigestKeyUnknown
    )
    const { rows } = await owner.pool.query('select count(*) as people from sdmk.health_worker')
    assert.deepEqual(rows, [{ people: 3 }])
  })

  test('is rolled back as a whole, with its other changes', async t => {
    const { owner, keys, rotate } = await registry(t)
    const late = candidate()
    await applyRows(owner, keys.present, [late])
    const failing = owner.withTransaction(async client => {
      await redigest(client, keys)
      throw new Error('no audit')
    })
    await assert.rejects(failing, /no audit/)
    const find = async (digest: Buffer) =>
      (await owner.pool.query('select from sdmk.health_worker where nik_digest = $1', [digest])).rowCount
    assert.equal(await find(keys.present.digestNik(late.nik as string)), 1)
    await rotate()
    assert.equal(await find(keys.next.digestNik(late.nik as string)), 1)
    assert.equal(await find(keys.present.digestNik(late.nik as string)), 0)
  })

  test('keeps unchanged rows unchanged', async t => {
    const { owner, keys, rotate } = await registry(t)
    const row = candidate()
    await applyRows(owner, keys.present, [row])
    await rotate()
    const { batchId, summary } = await applyRows(owner, keys.next, [row])
    assert.equal(summary.unchanged, 1)
    const { rows } = await owner.pool.query('select from kki.staged_row where batch_id = $1', [batchId])
    assert.equal(rows.length, 0)
  })

  test('does not wait for a backup, which reads all tables until it ends', { timeout: 120_000 }, async t => {
    const { owner, rotate } = await registry(t)
    await owner.withTransaction(async backup => {
      const { rows } = await backup.query(
        `select string_agg(format('%I.%I', schemaname, tablename), ', ') as tables from pg_tables where schemaname in ('sdmk', 'kki')`
      )
      await backup.query(`lock table ${rows[0].tables} in access share mode`)
      assert.ok(await rotate())
    })
  })

  test('fails if a digest does not match the sealed value next to it', async t => {
    const { owner, keys, rotate } = await registry(t)
    await owner.pool.query('update sdmk.health_worker set nik_digest = $1 where id = 1', [randomBytes(32)])
    await assert.rejects(rotate(), SealUnfit)
    assert.deepEqual(await fingerprintOf(owner), keys.present.fingerprint)
  })
})

test('of two processes that start a registry with different keys one is denied', async t => {
  const { owner, use } = await registry(t)
  await owner.pool.query('truncate sdmk.health_worker cascade; delete from sdmk.digest_key')
  const begin = () =>
    use(createIdentity({ digestKey: newKey(), sealKeyId: '1', sealKey1: newKey() })).pool.query('select')
  const results = await Promise.allSettled([begin(), begin()])
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})
