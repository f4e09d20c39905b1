import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import pg from 'pg'
import type { FinishedRows } from './floor.ts'
import { psql } from './psql.ts'

const pageSize = 1000

/** The number of rows, and the time in seconds. */
export interface Taken {
  rows: number
  seconds: number
}

/**
 * Writes finished people and their registrations one after the other, each by an `insert … on conflict` in its own
 * transaction, like a connector without batches.
 */
export async function rowByRow(floorUrl: string, rows: FinishedRows, count: number): Promise<Taken> {
  return withClient(floorUrl, async client => {
    const { people, registrations } = await readRows(client, rows, count)
    const insertPerson = await upsert(client, 'sdmk.health_worker', 'id')
    const insertRegistration = await upsert(client, 'sdmk.registration', 'str_number, profession')
    const started = performance.now()
    for (const person of people) await client.query({ ...insertPerson, values: person })
    for (const registration of registrations) await client.query({ ...insertRegistration, values: registration })
    return { rows: registrations.length, seconds: (performance.now() - started) / 1000 }
  })
}

/** Writes them page by page on one connection, a transaction and two statements of many rows for each page. */
export async function pageByPage(floorUrl: string, rows: FinishedRows, count: number): Promise<Taken> {
  return withClient(floorUrl, async client => {
    const { people, registrations } = await readRows(client, rows, count)
    const columns = {
      people: await columnsOf(client, 'sdmk.health_worker'),
      registrations: await columnsOf(client, 'sdmk.registration')
    }
    const started = performance.now()
    const waiting = new Map(people.map(person => [person[0], person]))
    for (let at = 0; at < registrations.length; at += pageSize) {
      const page = registrations.slice(at, at + pageSize)
      const holders = [...new Set(page.map(([, holder]) => holder))]
        .map(id => waiting.get(id ?? null))
        .filter(person => person !== undefined)
      for (const [id] of holders) waiting.delete(id)
      await client.query('begin')
      await insertMany(client, 'sdmk.health_worker', columns.people, 'id', holders)
      await insertMany(client, 'sdmk.registration', columns.registrations, 'str_number, profession', page)
      await client.query('commit')
    }
    return { rows: registrations.length, seconds: (performance.now() - started) / 1000 }
  })
}

type Values = (string | null)[]

/** Reads registrations that refer to no other one from the files, and the people who hold them. */
async function readRows(
  client: pg.Client,
  files: FinishedRows,
  count: number
): Promise<{ people: Values[]; registrations: Values[] }> {
  const columns = await columnsOf(client, 'sdmk.registration')
  const replacedBy = columns.findIndex(({ name }) => name === 'replaced_by')
  const registrations = await readLines(files.registrations, (v, index) => index < count && v[replacedBy] === null)
  const holders = new Set(registrations.map(([, holder]) => holder))
  return { people: await readLines(files.people, ([id]) => holders.has(id ?? null)), registrations }
}

async function readLines(file: string, isWanted: (values: Values, index: number) => boolean): Promise<Values[]> {
  const kept: Values[] = []
  let index = 0
  for await (const line of createInterface({ input: createReadStream(file) })) {
    const values = line.split('\t').map(text => (text === '\\N' ? null : text.replaceAll('\\\\', '\\')))
    if (isWanted(values, index++)) kept.push(values)
  }
  return kept
}

interface Column {
  name: string
  type: string
}

async function columnsOf(client: pg.Client, table: string): Promise<Column[]> {
  const { rows } = await client.query<Column>(
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
    where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`,
    [table]
  )
  return rows
}

async function upsert(client: pg.Client, table: string, key: string): Promise<{ name: string; text: string }> {
  const columns = await columnsOf(client, table)
  const parameters = columns.map((_, i) => `$${i + 1}`).join(', ')
  return {
    name: `insert into ${table}`,
    text: `insert into ${table} (${columns.map(({ name }) => name).join(', ')}) overriding system value
      values (${parameters}) on conflict (${key}) do update set version = excluded.version`
  }
}

async function insertMany(
  client: pg.Client,
  table: string,
  columns: Column[],
  key: string,
  rows: Values[]
): Promise<void> {
  if (rows.length === 0) return
  const records = rows.map(row => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]])))
  const list = columns.map(({ name }) => name).join(', ')
  // Arrays and bytes are texts in PostgreSQL's form.
  const cast = columns.map(({ name, type }) => `${name}::${type}`).join(', ')
  await client.query(
    `insert into ${table} (${list}) overriding system value
    select ${cast} from jsonb_to_recordset($1::jsonb) as r (${columns.map(({ name }) => `${name} text`).join(', ')})
    on conflict (${key}) do update set version = excluded.version`,
    [JSON.stringify(records)]
  )
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  await psql(url, ['truncate sdmk.health_worker, sdmk.registration cascade'])
  const client = new pg.Client(url)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
