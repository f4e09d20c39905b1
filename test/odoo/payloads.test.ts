import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { peoplePayload } from '../../sidecar/odoo/payloads.ts'
import type { Table } from '../../sidecar/odoo/tables.ts'
import { createDatabase } from '../../sidecar/platform/database.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import { storeProfessions } from '../../sidecar/sync/professions.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { countRowsRead } from '../helpers/rows-read.ts'
import { silent } from '../helpers/server.ts'
import { rowsOf } from './helpers/tables.ts'

const mappingFile = fileURLToPath(new URL('../../contracts/sources/kki.json', import.meta.url))

async function addPerson(pool: pg.Pool, name: string): Promise<number> {
  const { rows } = await pool.query<{ id: number }>(
    `insert into sdmk.health_worker (name, name_key, name_at, birth_date) values ($1, $1, now(), '1990-12-31') returning id`,
    [name]
  )
  return rows[0]?.id as number
}

async function addRegistration(pool: pg.Pool, person: number, number: string): Promise<number> {
  await storeProfessions(pool, await loadMapping(mappingFile))
  const { rows } = await pool.query<{ id: number }>(
    `insert into sdmk.registration (health_worker_id, str_number, str_raw, str_format, profession, status, source_status,
      stated_status, issued_on, is_lifetime, source_at, content_hash, match_reason)
    values ($1, $2, $2, 'lifetime', (select min(code) from sdmk.profession), 'active', 'AKTIF', 'active', '2020-01-31', true,
      '2026-01-01 07:00+07', decode(md5($2), 'hex'), 'rule8')
    returning id`,
    [person, number]
  )
  return rows[0]?.id as number
}

async function told(pool: pg.Pool, people: number[], registrations: number[] = []) {
  const { payload, rows } = await peoplePayload(pool, { people, registrations })
  const tables = JSON.parse(payload) as { health_workers: Table; registrations: Table }
  const lists = { people: rowsOf(tables.health_workers), registrations: rowsOf(tables.registrations) }
  assert.equal(rows, lists.people.length + lists.registrations.length)
  return lists
}

describe('the payload of people', () => {
  test('has every value as stored, whatever its characters and the server’s date style', async t => {
    const { pool, url } = await createTestDatabase(t)
    const names = ['Ni\tLuh\n\\N \\. \r"Ayu" Ö \u{1f642}', '\\N', '\\.', "'; drop table x --"]
    const ids = []
    for (const name of names) ids.push(await addPerson(pool, name))
    await addRegistration(pool, ids[0] as number, 'AB00000000000001')
    const { pathname } = new URL(url)
    await pool.query(`alter database ${pathname.slice(1)} set datestyle = 'SQL, DMY'`)
    const other = createDatabase({ url, maxConnections: 1 }, silent)
    t.after(() => other.pool.end())
    const { people, registrations } = await told(other.pool, ids)
    assert.deepEqual(
      people.map(({ name, birth_date }) => ({ name, birth_date })),
      names.map(name => ({ name, birth_date: '1990-12-31' }))
    )
    const { issued_on, source_at, is_lifetime } = registrations[0] ?? {}
    assert.deepEqual(
      { issued_on, source_at, is_lifetime },
      { issued_on: '2020-01-31', source_at: '2026-01-01 00:00:00', is_lifetime: 't' }
    )
  })

  test('has the person of a registration with all registrations, and a higher version for a deleted person', async t => {
    const { pool } = await createTestDatabase(t)
    const [stays, goes] = [await addPerson(pool, 'STAYS REKAAN'), await addPerson(pool, 'GOES REKAAN')]
    const asked = await addRegistration(pool, stays, 'AB00000000000001')
    const beside = await addRegistration(pool, stays, 'AB00000000000002')
    const gone = await addRegistration(pool, goes, 'AB00000000000003')
    const { people: before } = await told(pool, [goes])
    await pool.query('delete from sdmk.registration where id = $1', [gone])
    await pool.query('delete from sdmk.health_worker where id = $1', [goes])
    const { people, registrations } = await told(pool, [goes], [gone, asked])
    const idsOf = (rows: Record<string, string>[]) => rows.map(({ id, active }) => `${id} ${active}`)
    assert.deepEqual(idsOf(people), [`${stays} t`, `${goes} f`])
    assert.deepEqual(idsOf(registrations), [`${asked} t`, `${beside} t`, `${gone} f`])
    assert.ok(Number(people[1]?.version) > Number(before[0]?.version))
    assert.deepEqual(Object.keys(people[1] ?? {}), ['id', 'version', 'active'])
  })

  test('is of one moment, although it is read table by table', async t => {
    const { pool } = await createTestDatabase(t)
    const person = await addPerson(pool, 'SITI REKAAN')
    const registration = await addRegistration(pool, person, 'AB00000000000001')
    let tables = 0
    const disturbed = {
      async connect() {
        const client = await pool.connect()
        const disturb = async (text: string, values: unknown[]) => {
          if (text.includes('set_config') && ++tables === 2) await pool.query('delete from sdmk.registration')
          return client.query(text, values)
        }
        return {
          query: (given: never, values: unknown[]) =>
            typeof given === 'string' ? disturb(given, values) : client.query(given),
          on: client.on.bind(client),
          off: client.off.bind(client),
          release: () => client.release()
        }
      }
    } as unknown as pg.Pool
    const { registrations } = await told(disturbed, [person])
    assert.deepEqual([tables, registrations.map(({ id }) => Number(id))], [2, [registration]])
    assert.deepEqual((await told(pool, [person])).registrations, [])
  })

  test('fails if its connection is lost between two statements, and the process continues', async t => {
    const { pool } = await createTestDatabase(t)
    const person = await addPerson(pool, 'SITI REKAAN')
    const doomed = {
      async connect() {
        const client = await pool.connect()
        const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid')
        const query = client.query.bind(client) as (...given: unknown[]) => Promise<unknown>
        let statements = 0
        Object.assign(client, {
          async query(...given: unknown[]) {
            if (++statements === 3) {
              await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid])
              // The loss is reported while no statement is running.
              await new Promise(resolve => setTimeout(resolve, 200))
            }
            return query(...given)
          }
        })
        return client
      }
    } as unknown as pg.Pool
    await assert.rejects(told(doomed, [person]))
    assert.equal((await told(pool, [person])).people.length, 1)
  })

  test('releases its connection if it cannot be read', async t => {
    const { pool } = await createTestDatabase(t)
    const person = await addPerson(pool, 'SITI REKAAN')
    await pool.query('alter table sdmk.registration rename column competence to capability')
    for (let i = 0; i < 6; i++) await assert.rejects(told(pool, [person]), /competence/)
    assert.equal(pool.idleCount, pool.totalCount)
    await pool.query('alter table sdmk.registration rename column capability to competence')
    assert.equal((await told(pool, [person])).people.length, 1)
  })

  test('reads only the change records of the licences in the batch, also without statistics', async t => {
    const { pool, url } = await createTestDatabase(t)
    await storeProfessions(pool, await loadMapping(mappingFile))
    await pool.query(
      `with person as (
        insert into sdmk.health_worker (name, name_key, name_at)
        select 'REKAAN', 'REKAAN', now() from generate_series(1, 10000) returning id
      ), licence as (
        insert into sdmk.registration (health_worker_id, str_number, str_raw, str_format, profession, status, source_status,
          stated_status, is_lifetime, source_at, content_hash, match_reason)
        select id, 'AB' || id, 'AB' || id, 'lifetime', (select min(code) from sdmk.profession), 'active', 'AKTIF', 'active', true,
          now(), decode(md5(id::text), 'hex'), 'rule8'
        from person returning id, health_worker_id
      )
      insert into kki.change (batch_id, row_no, operation, health_worker_id, registration_id)
      select 1, id, 'created', health_worker_id, id from licence`
    )
    const { rows: first } = await pool.query<{ id: number }>('select id from sdmk.health_worker order by id limit 100')
    const ids = first.map(({ id }) => id)
    const { result, read } = await countRowsRead(t, url, 'kki.change', other => told(other, ids))
    assert.deepEqual([result.registrations.length, read], [100, 100])
  })
})
