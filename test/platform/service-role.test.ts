import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import pg from 'pg'
import { pino } from 'pino'
import { buildApp } from '../../sidecar/app.ts'
import { loadConfig } from '../../sidecar/config.ts'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey, revokeApiKey, useApiKey } from '../../sidecar/platform/api-key.ts'
import { grantToService, isRestricted } from '../../sidecar/platform/service-role.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { temporaryFolder } from '../e2e/helpers.ts'
import { createTestDatabase, type TestDatabase } from '../helpers/database.ts'

const denied = '42501'

/** Attempts of an attacker who has taken over the service; each in words, with the statement. */
const refused: [string, string][] = [
  ['alters a table', 'alter table sdmk.health_worker add column note text'],
  ['drops a table', 'drop table kki.audit_event'],
  ['drops a schema', 'drop schema sdmk cascade'],
  ['makes a table', 'create table kki.mine ()'],
  ['makes a table in the queue', 'create table pgboss.mine ()'],
  ['makes a schema', 'create schema mine'],
  [
    'replaces a function that runs as the owner',
    `create or replace function kki.drop_staging(batch bigint) returns void language sql as 'select'`
  ],
  [
    'replaces the guard of the audit',
    `create or replace function kki.refuse_change() returns trigger language plpgsql as 'begin return old; end'`
  ],
  ['changes an audit event', `update kki.audit_event set actor = 'nobody'`],
  ['deletes audit events', 'delete from kki.audit_event'],
  ['empties the audit', 'truncate kki.audit_event'],
  ['dates an audit event back', `insert into kki.audit_event (at, action, actor) values ('2020-01-01', 'a', 'b')`],
  [
    'numbers an audit event itself',
    `insert into kki.audit_event (id, action, actor) overriding system value values (1, 'a', 'b')`
  ],
  ['switches the guard of the audit off', 'alter table kki.audit_event disable trigger audit_event_append_only'],
  ['switches all triggers off', 'alter table kki.audit_event disable trigger all'],
  ['drops the guard of the audit', 'drop trigger audit_event_append_only on kki.audit_event'],
  ['switches triggers off for its session', 'set session_replication_role = replica'],
  ['rewrites the changes of a batch', `update kki.change set operation = 'edited'`],
  ['deletes the changes of a batch', 'delete from kki.change'],
  ['deletes a run', 'delete from kki.run'],
  ['deletes a decision', 'delete from kki.decision'],
  ['deletes a rejected row', 'delete from kki.rejection'],
  [
    'makes an API key',
    `insert into kki.api_key (name, digest, scopes) values ('mine', sha256('x'), '{registry:reveal}')`
  ],
  ['gives a key more scopes', `update kki.api_key set scopes = '{registry:reveal}'`],
  ['takes a revocation back', 'update kki.api_key set revoked_at = null'],
  ['opens former NIKs', 'select nik_sealed from sdmk.former_nik'],
  ['puts another digest key in force', `update sdmk.digest_key set fingerprint = sha256('x')`],
  ['starts the registry again', 'delete from sdmk.digest_key'],
  ['marks the schema as migrated', 'update kki.schema_version set md5 = null'],
  ['reads passwords', 'select rolpassword from pg_authid'],
  ['reads files', `select pg_read_file('postgresql.conf')`],
  ['runs programs', `copy kki.audit_event to program 'cat'`],
  ['writes files', `copy kki.setting to '/tmp/setting'`],
  ['changes settings of the server', `alter system set log_statement = 'none'`],
  ['becomes the owner', 'set role sdmk'],
  ['makes a role', 'create role mine'],
  ['loads code', `create extension dblink`]
]

describe('the login of the service', () => {
  let template: TestDatabase
  const query = (database: TestDatabase, text: string) => database.database.pool.query(text)

  test('is used by the tests', async t => {
    const { database, pool } = await createTestDatabase(t)
    assert.equal(await isRestricted(database.pool), true)
    assert.equal(await isRestricted(pool), false)
    const { rows } = await database.pool.query(`select current_user as name, rolsuper or rolcreaterole or rolcreatedb or
      rolreplication or rolbypassrls as "isMighty" from pg_roles where rolname = current_user`)
    assert.deepEqual(rows, [{ name: 'sdmk_service', isMighty: false }])
  })

  test('cannot change the schema, the audit, keys or the server', async t => {
    template = await createTestDatabase(t)
    await query(template, `insert into kki.audit_event (action, actor) values ('test', 'test')`)
    // A warning alone: nothing is granted by who may not grant.
    await query(template, 'grant all on kki.audit_event, kki.api_key to current_user')
    for (const [what, text] of refused) {
      await assert.rejects(query(template, text), (error: pg.DatabaseError) => error.code === denied, what)
    }
    const { rows } = await query(template, 'select actor from kki.audit_event')
    assert.deepEqual(rows, [{ actor: 'test' }])
  })

  test('cannot misuse functions of the owner', async t => {
    const { database, ownerUrl } = await createTestDatabase(t)
    const client = await database.pool.connect()
    try {
      // The service creates an object of the same name, which a function with an unsafe search path would use.
      await client.query('create temp table pg_class (oid oid); set search_path = pg_temp, pg_catalog')
      await client.query('select kki.open_staging(7)')
      await client.query(`select kki.renew_statistics('batch_7.staged_row')`)
      await client.query('truncate batch_7.plan_row')
      await assert.rejects(client.query('drop table batch_7.staged_row'), /must be owner/)
      await client.query('select kki.drop_staging(7)')
      await assert.rejects(client.query(`select kki.inherit_grants('kki.audit_event')`), /permission denied/)
      // A table that is not ours: nothing happens.
      await client.query(`select kki.renew_statistics('pg_catalog.pg_authid')`)
    } finally {
      client.release(true)
    }
    const stranger = 'sdmk_test_stranger'
    const owner = new pg.Client({ connectionString: ownerUrl })
    await owner.connect()
    try {
      await owner.query('begin')
      await owner.query(`create role ${stranger}`)
      await owner.query(`grant usage on schema kki to ${stranger}; set local role ${stranger}`)
      await assert.rejects(owner.query('select kki.open_staging(8)'), /permission denied for function open_staging/)
    } finally {
      await owner.query('rollback')
      await owner.end()
    }
  })

  test('checks keys and stores their use, but cannot create or revoke them', async t => {
    const { database, pool } = await createTestDatabase(t)
    const { key } = await createApiKey(pool, 'reader', ['runs:read'])
    assert.equal((await useApiKey(database.pool, key))?.name, 'reader')
    await assert.rejects(createApiKey(database.pool, 'mine', ['registry:reveal']), /permission denied/)
    await assert.rejects(revokeApiKey(database.pool, 'reader'), /permission denied/)
  })

  test('loses grants beyond its list with the next grant', async t => {
    const { database, pool, ownerUrl } = await createTestDatabase(t)
    await pool.query(
      'grant all on kki.audit_event, kki.api_key to sdmk_service; grant create on schema kki to sdmk_service'
    )
    assert.equal(await isRestricted(database.pool), false)
    await database.pool.query('select kki.open_staging(3)')
    await Promise.all([grantToService(ownerUrl, 'sdmk_service'), grantToService(ownerUrl, 'sdmk_service')])
    assert.equal(await isRestricted(database.pool), true)
    await database.pool.query('truncate batch_3.staged_row')
  })

  test('is the only login that a service starts with, unless SDMK_INSECURE names the owner’s', async t => {
    const { url, ownerUrl } = await createTestDatabase(t)
    const directory = await temporaryFolder(t)
    await initIdentity(createFileSecretStore(directory))
    const lines: string[] = []
    const logger = pino({ level: 'warn' }, { write: line => void lines.push(line) })
    const start = async (env: Record<string, string>) => {
      const config = loadConfig({
        SDMK_ROLES: 'registry,api',
        SDMK_METRICS_CACHE: '0',
        SDMK_SECRETS_DIR: directory,
        ...env
      })
      const app = await buildApp(config, { logger })
      const { body } = await app.inject('/metrics')
      const { database } = (await app.inject('/readyz')).json().checks
      await app.close()
      return { isRestricted: database.restricted, gauge: /_connection\{peer="database-owner"\} (\d)/.exec(body)?.[1] }
    }
    assert.deepEqual(await start({ SDMK_DATABASE_URL: url }), { isRestricted: true, gauge: '0' })
    assert.deepEqual(lines, [])
    await assert.rejects(start({ SDMK_DATABASE_URL: ownerUrl }), {
      variable: 'SDMK_DATABASE_URL',
      message: /may change the schema and audit events; .* SDMK_INSECURE=database-owner allows it$/
    })
    const allowed = await start({ SDMK_DATABASE_URL: ownerUrl, SDMK_INSECURE: 'database-owner' })
    assert.deepEqual(allowed, { isRestricted: false, gauge: '1' })
    assert.match(
      lines.join(),
      /this login may change the schema and audit events; docs\/operate\/database\.md describes a login with fewer rights/
    )
  })

  test('cannot be a login that can become the owner', async t => {
    const { database, ownerUrl } = await createTestDatabase(t)
    const owner = new pg.Client({ connectionString: ownerUrl })
    await owner.connect()
    const member = `sdmk_member_${randomBytes(4).toString('hex')}`
    try {
      await owner.query(`create role ${member} login password 'x' in role sdmk noinherit`)
      const url = new URL(ownerUrl)
      Object.assign(url, { username: member, password: 'x' })
      const pool = new pg.Pool({ connectionString: url.href, max: 1 })
      try {
        await pool.query('set role none')
        await owner.query(`grant usage on schema kki to ${member}`)
        assert.equal(await isRestricted(pool), false)
      } finally {
        await pool.end()
      }
      assert.equal(await isRestricted(database.pool), true)
    } finally {
      await owner.query(`drop owned by ${member}; drop role ${member}`)
      await owner.end()
    }
  })
})
