import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { mirrored } from '../../sidecar/odoo/mirrored.ts'
import { loadMapping } from '../../sidecar/source/load.ts'
import { storeProfessions } from '../../sidecar/sync/professions.ts'
import { coreKey } from '../../sidecar/transform/name.ts'
import { localName } from '../../simulator/names.ts'
import { Dice } from '../../simulator/random.ts'

/** The number of a person's STR. */
export const strOf = (id: number) => `31${String(id).padStart(14, '0')}`

/** The name of a person, the same each time. There are fewer different words than in Indonesia, so each is more common. */
export function nameOf(id: number): string {
  const dice = new Dice(1, 77, id)
  return localName(dice, dice.chance(0.6)).join(' ')
}

/** Fills a registry with people, each with one licence, as runs would leave them. */
export async function fillRegistry(pool: pg.Pool, mappingFile: string, count: number): Promise<void> {
  await storeProfessions(pool, await loadMapping(mappingFile))
  const client = await pool.connect()
  try {
    const people = client.query(
      copyFrom(
        'copy sdmk.health_worker (id, name, name_key, birth_place, birth_place_key, birth_date, sex, name_at) from stdin'
      )
    )
    await pipeline(Readable.from(lines(count)), people)
    await client.query(
      `insert into sdmk.registration (health_worker_id, str_number, str_raw, str_format, profession, status, stated_status,
        source_status, is_lifetime, source_at, content_hash, match_reason)
      select id, str, str, 'kki_2004', case when id % 3 = 0 then 'doctor' else 'nurse' end, status, status, status, true,
        '2026-01-01', decode(md5(str), 'hex'), '9'
      from sdmk.health_worker, lateral (
        select '31' || lpad(id::text, 14, '0') as str, case when id % 10 = 0 then 'expired' else 'active' end as status
      ) licence`
    )
  } finally {
    client.release()
  }
  await pool.query(`select setval('sdmk.health_worker_id_seq', $1)`, [count])
  await pool.query('insert into sdmk.str_number (str_number) select str_number from sdmk.registration')
  for (const table of ['sdmk.health_worker', 'sdmk.registration', 'sdmk.str_number']) {
    await pool.query(`vacuum analyze ${table}`)
  }
}

function* lines(count: number): Generator<string> {
  const piece: string[] = []
  for (let id = 1; id <= count; id++) {
    const name = nameOf(id)
    const birth = `${1950 + (id % 50)}-${String((id % 12) + 1).padStart(2, '0')}-${String((id % 28) + 1).padStart(2, '0')}`
    piece.push(`${id}\t${name}\t${coreKey(name)}\tBandung\tBANDUNG\t${birth}\tfemale\t2026-01-01\n`)
    if (piece.length === 1000) yield piece.splice(0).join('')
  }
  yield piece.join('')
}

/** Copies batches and rejected rows to Odoo's tables, in the form that the relay sends. */
export async function fillReview(from: pg.Pool, to: pg.Client): Promise<void> {
  for (const [table, { rows }] of [
    ['sdmk_batch', mirrored.batches],
    ['sdmk_rejection', mirrored.rejections]
  ] as const) {
    const { fields } = await from.query(`select * from (${rows}) r limit 0`)
    const columns = fields.map(({ name }) => name).join(', ')
    const client = await from.connect()
    try {
      const source = client.query(copyTo(`copy (select ${columns} from (${rows}) r order by id) to stdout`))
      await pipeline(source, to.query(copyFrom(`copy ${table} (${columns}) from stdin`)))
    } finally {
      client.release()
    }
    await to.query(`vacuum analyze ${table}`)
  }
}

/** Copies a registry to Odoo's tables, as the relay would leave them. */
export async function fillOdoo(from: pg.Pool, to: pg.Client): Promise<void> {
  const tables = {
    sdmk_health_worker: `select id, version, true as active, name, birth_place, birth_date, sex, false as has_nik, 'kki' as name_source
      from sdmk.health_worker`,
    sdmk_registration: `select id, version, true as active, health_worker_id, str_number, profession, status, is_lifetime, source_at,
      match_reason from sdmk.registration`
  }
  const columns = {
    sdmk_health_worker: 'id, version, active, name, birth_place, birth_date, sex, has_nik, name_source',
    sdmk_registration:
      'id, version, active, health_worker_id, str_number, profession, status, is_lifetime, source_at, match_reason'
  }
  const client = await from.connect()
  try {
    for (const [table, select] of Object.entries(tables)) {
      const source = client.query(copyTo(`copy (${select}) to stdout`))
      await pipeline(source, to.query(copyFrom(`copy ${table} (${columns[table as keyof typeof columns]}) from stdin`)))
      await to.query(`vacuum analyze ${table}`)
    }
  } finally {
    client.release()
  }
}
