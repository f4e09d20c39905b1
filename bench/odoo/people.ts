import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { type PeopleJob, ranges } from '../../sidecar/odoo/jobs.ts'
import { payloadSql } from '../../sidecar/odoo/payload-sql.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import { storeProfessions } from '../../sidecar/sync/professions.ts'

const peopleSql = readFileSync(new URL('people.sql', import.meta.url), 'utf8')
const mappingFile = fileURLToPath(new URL('../../contracts/sources/kki.json', import.meta.url))
const given = ['Agus', 'Budi', 'Citra', 'Dewi', 'Eko', 'Fitri', 'Gede', 'Hendra', 'Indah', 'Joko', 'Kartika', 'Lestari']
const family = ['Santoso', 'Wijaya', 'Hidayat', 'Saputra', 'Siregar', 'Harahap', 'Lubis', 'Sinaga', 'Ginting', 'Utami']

/** A record in the form for Odoo. */
export type Row = Record<string, unknown>

/** Fills the registry with invented people, each with one registration, in the state after a run. */
export async function makePeople(pool: pg.Pool, count: number): Promise<void> {
  await storeProfessions(pool, await loadMapping(mappingFile))
  await pool.query(peopleSql, [count, given, family])
  // In production autovacuum does this; without it the planner has no statistics.
  for (const table of ['sdmk.health_worker', 'sdmk.registration', 'kki.change'])
    await pool.query(`vacuum analyze ${table}`)
}

/** Returns the jobs of a batch that has changed all of them. */
export async function jobsOfAll(pool: pg.Pool): Promise<PeopleJob[]> {
  const { rows } = await pool.query<{ batchId: number; first: number; last: number }>(
    'select batch_id as "batchId", min(id) as first, max(id) as last from kki.change group by batch_id'
  )
  return rows.flatMap(({ batchId, first, last }) =>
    ranges(first, last).map(range => ({ changesOf: { batchId, ...range } }))
  )
}

/** Gives every tenth person and registration a newer version. */
export async function changeTenth(pool: pg.Pool): Promise<void> {
  for (const table of ['sdmk.health_worker', 'sdmk.registration']) {
    await pool.query(`update ${table} set version = nextval('sdmk.version_seq') where id % 10 = 0`)
    await pool.query(`vacuum analyze ${table}`)
  }
}

/** Returns the first people, each with the registration, in the form that Odoo stores; without ids, which Odoo assigns. */
export async function readPairs(pool: pg.Pool, people: number): Promise<{ person: Row; registration: Row }[]> {
  const { rows } = await pool.query<{ person: Row; registration: Row }>(
    `select json_strip_nulls(row_to_json(p)) as person, json_strip_nulls(row_to_json(r)) as registration
    from (${payloadSql('health-worker.sql')}) p join (${payloadSql('registration.sql')}) r on r.health_worker_id = p.id
    where p.id <= $1 order by p.id`,
    [people]
  )
  for (const { person, registration } of rows) {
    delete person.id
    delete registration.id
  }
  return rows
}
