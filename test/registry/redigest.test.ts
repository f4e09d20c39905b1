import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import { holdDigestKey, holdIdentity, readFingerprint } from '../../sidecar/identity/digest-key.ts'
import { DigestKeyHeld, SealUnfit } from '../../sidecar/identity/errors.ts'
import { createIdentity, createIdentityKeys, newKey } from '../../sidecar/identity/keys.ts'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { fillNextDigests } from '../../sidecar/privacy/redigest-fill.ts'
import { switchDigestKey } from '../../sidecar/privacy/redigest-switch.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { silent } from '../helpers/server.ts'
import { applyRows, candidate } from './helpers.ts'

const andThen = async () => undefined

/** A registry with some people, the hands of its owner, and the keys of a rotation. */
async function registry(t: TestContext) {
  const { database, ownerUrl } = await createTestDatabase(t)
  const owner = createDatabase({ url: ownerUrl, maxConnections: 2 }, silent)
  t.after(() => owner.pool.end())
  const secret = {
    digestKey: newKey(),
    digestKeyNext: newKey(),
    sealKeyId: '1',
    sealKey1: newKey(),
    auditKeyId: '1',
    auditKey1: newKey()
  }
  const present = await database.withTransaction(client => holdIdentity(client, createIdentityKeys(secret)))
  await applyRows(database, present, [candidate(), candidate(), candidate()])
  return { database, owner, keys: { present, next: createIdentity(secret, undefined, 'digestKeyNext') } }
}

describe('the switch of the digest key', () => {
  test('waits for who holds the present one, gives up in time with nothing changed, and keeps nobody else waiting for long', async t => {
    const { database, owner, keys } = await registry(t)
    await fillNextDigests(owner, keys)
    await database.withTransaction(async client => {
      await holdDigestKey(client)
      const switching = switchDigestKey(owner, keys, { limitMs: 0, andThen })
      const refused = assert.rejects(switching, DigestKeyHeld)
      // Behind the switch that waits; it goes away soon.
      assert.deepEqual(await database.withTransaction(holdDigestKey), keys.present.fingerprint)
      await refused
    })
    assert.deepEqual(await readFingerprint(owner.pool), keys.present.fingerprint)
    const switched = await switchDigestKey(owner, keys, { andThen })
    assert.ok(switched && switched.digests >= 3)
    assert.deepEqual(await database.withTransaction(holdDigestKey), keys.next.fingerprint)
    assert.equal(await switchDigestKey(owner, keys, { andThen }), null, 'once is enough')
  })

  test('takes in who came after the filling, and is undone as a whole with what goes with it', async t => {
    const { database, owner, keys } = await registry(t)
    await fillNextDigests(owner, keys)
    const late = candidate()
    await applyRows(database, keys.present, [late])
    const failing = switchDigestKey(owner, keys, {
      andThen: async () => {
        throw new Error('no audit')
      }
    })
    await assert.rejects(failing, /no audit/)
    const find = async (digest: Buffer) =>
      (await owner.pool.query('select from sdmk.health_worker where nik_digest = $1', [digest])).rowCount
    assert.equal(await find(keys.present.digestNik(late.nik as string)), 1)
    await switchDigestKey(owner, keys, { andThen })
    assert.equal(await find(keys.next.digestNik(late.nik as string)), 1)
    assert.equal(await find(keys.present.digestNik(late.nik as string)), 0)
  })

  test('leaves nothing that the present key digested of whole rows: they are read once more', async t => {
    const { database, owner, keys } = await registry(t)
    const row = candidate()
    await applyRows(database, keys.present, [row])
    await fillNextDigests(owner, keys)
    await switchDigestKey(owner, keys, { andThen })
    const count = async (from: string) => (await owner.pool.query(`select count(*) as n from ${from}`)).rows[0].n
    assert.equal(await count('kki.known_input'), 0)
    assert.equal(await count('kki.staged_row where input_digest is not null'), 0)
    for (const mentioned of [0, 1]) {
      const { batchId, summary } = await applyRows(database, keys.next, [row])
      assert.equal(summary.unchanged, 1)
      assert.equal(await count(`kki.staged_known, unnest(row_nos) where batch_id = ${batchId}`), mentioned)
    }
  })

  test('does not wait for a backup, which reads all tables until it ends', { timeout: 120_000 }, async t => {
    const { owner, keys } = await registry(t)
    await fillNextDigests(owner, keys)
    await owner.withTransaction(async backup => {
      const { rows } = await backup.query(
        `select string_agg(format('%I.%I', schemaname, tablename), ', ') as tables from pg_tables where schemaname in ('sdmk', 'kki')`
      )
      await backup.query(`lock table ${rows[0].tables} in access share mode`)
      assert.ok(await switchDigestKey(owner, keys, { limitMs: 60_000, andThen }))
    })
  })

  test('is not made where a digest is not that of the sealed value beside it', async t => {
    const { owner, keys } = await registry(t)
    await owner.pool.query('update sdmk.health_worker set nik_digest = $1 where id = 1', [randomBytes(32)])
    await assert.rejects(fillNextDigests(owner, keys), SealUnfit)
    assert.deepEqual(await readFingerprint(owner.pool), keys.present.fingerprint)
  })
})

test('of two processes that begin a registry with different keys one is refused', async t => {
  const { database, owner } = await registry(t)
  await owner.pool.query('truncate sdmk.health_worker cascade; delete from sdmk.digest_key')
  const begin = () => {
    const keys = createIdentityKeys({
      digestKey: newKey(),
      sealKeyId: '1',
      sealKey1: newKey(),
      auditKeyId: '1',
      auditKey1: newKey()
    })
    return database.withTransaction(client => holdIdentity(client, keys))
  }
  const results = await Promise.allSettled([begin(), begin()])
  assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
})
