import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { type PeopleJob, ranges } from '../../sidecar/odoo/jobs.ts'
import { peoplePayload } from '../../sidecar/odoo/payloads.ts'
import { loadMapping } from '../../sidecar/sync/mapping-file.ts'
import { storeProfessions } from '../../sidecar/sync/professions.ts'

const peopleSql = readFileSync(new URL('people.sql', import.meta.url), 'utf8')
const given = ['Agus', 'Budi', 'Citra', 'Dewi', 'Eko', 'Fitri', 'Gede', 'Hendra', 'Indah', 'Joko', 'Kartika', 'Lestari']
const family = ['Santoso', 'Wijaya', 'Hidayat', 'Saputra', 'Siregar', 'Harahap', 'Lubis', 'Sinaga', 'Ginting', 'Utami']

export interface Records {
  health_workers: Record<string, unknown>[]
  registrations: Record<string, unknown>[]
}

/** Fills the registry with invented people, as a run would leave it. */
export async function makePeople(pool: pg.Pool, count: number): Promise<void> {
  await storeProfessions(pool, await loadMapping())
  await pool.query(peopleSql, [count, given, family])
  await pool.query('analyze')
}

/** Returns the jobs that a batch sends which has changed all of them. */
export async function jobsOfAll(pool: pg.Pool): Promise<PeopleJob[]> {
  const { rows } = await pool.query<{ batchId: number; first: number; last: number }>(
    'select batch_id as "batchId", min(id) as first, max(id) as last from kki.change group by batch_id'
  )
  return rows.flatMap(({ batchId, first, last }) => ranges(first, last).map(range => ({ batchId, ...range })))
}

/** Changes every tenth person and registration. */
export async function changeTenth(pool: pg.Pool): Promise<void> {
  for (const table of ['sdmk.health_worker', 'sdmk.registration']) {
    await pool.query(`update ${table} set version = nextval('sdmk.version_seq') where id % 10 = 0`)
  }
}

/** Returns the first people and their registrations, as Odoo is told of them. */
export async function readRecords(pool: pg.Pool, people: number): Promise<Records> {
  const ids = Array.from({ length: people }, (_, index) => index + 1)
  return JSON.parse((await peoplePayload(pool, { people: ids, registrations: [] })).payload) as Records
}
