import path from 'node:path'
import pg from 'pg'
import type { Logger } from 'pino'
import { migrate } from '../../sidecar/platform/migrations.ts'
import { endedChildrenSeconds } from '../processor.ts'
import type { World } from '../world.ts'
import { psql } from './psql.ts'

/**
 * The minimum that PostgreSQL needs for finished rows: one connection copies them to a table without indexes and merges
 * them into the shipped `health_worker` and `registration`, with one statement each. No fetching, no rules, no matching,
 * no change records, no ledger, no audit, no jobs.
 */
export interface Floor {
  url: string
  /** Copies and inserts into empty tables. */
  load(rows: FinishedRows): Promise<FloorTaken>
  /** Copies all rows and merges those that differ from the tables. */
  merge(rows: FinishedRows): Promise<FloorTaken>
}

/** Both in seconds; the processor time is PostgreSQL's and psql's. */
export interface FloorTaken {
  seconds: number
  processor: number
}

/** Files of COPY text, with every column of the two tables. */
export interface FinishedRows {
  people: string
  registrations: string
}

/** Writes the registry of a database to files, in an order that no index has. */
export async function exportRows(url: string, directory: string, name: string): Promise<FinishedRows> {
  const rows = {
    people: path.join(directory, `${name}-people`),
    registrations: path.join(directory, `${name}-registrations`)
  }
  await psql(url, [
    `\\copy (select * from sdmk.health_worker order by hashint8(id)) to '${rows.people}'`,
    `\\copy (select * from sdmk.registration order by hashtext(str_number)) to '${rows.registrations}'`
  ])
  return rows
}

/** Creates a database for the floor on the world's server, with the shipped schema; it replaces an existing one. */
export async function createFloor(world: World, logger: Logger): Promise<Floor> {
  const { ownerUrl } = world
  const url = new URL(ownerUrl)
  url.pathname = '/floor'
  await psql(ownerUrl, ['drop database if exists floor with (force)', 'create database floor'])
  await migrate({ databaseUrl: url.href, logger })
  await psql(url.href, [
    'create unlogged table public.people (like sdmk.health_worker)',
    'create unlogged table public.registrations (like sdmk.registration)'
  ])
  const time = async (commands: readonly string[]): Promise<FloorTaken> => {
    const before = await endedChildrenSeconds()
    const { result: times, processor } = await world.withProcessorTime(() => psql(url.href, commands))
    const client = (await endedChildrenSeconds()) - before
    return { seconds: times.reduce((sum, s) => sum + s, 0), processor: processor.postgres + client }
  }
  const copy = ({ people, registrations }: FinishedRows) => [
    `\\copy public.people from '${people}'`,
    `\\copy public.registrations from '${registrations}'`
  ]
  const empty = () => psql(url.href, ['truncate public.people, public.registrations'])
  return {
    url: url.href,
    async load(rows) {
      await empty()
      return time([...copy(rows), insertPeople, insertRegistrations])
    },
    async merge(rows) {
      await empty()
      const columns = await columnsOf(url.href)
      return time([
        ...copy(rows),
        mergePeople(columns.health_worker ?? []),
        mergeRegistrations(columns.registration ?? [])
      ])
    }
  }
}

const insertPeople = `insert into sdmk.health_worker overriding system value
  select * from public.people on conflict (id) do update set version = excluded.version`

const insertRegistrations = `insert into sdmk.registration overriding system value
  select * from public.registrations on conflict (str_number, profession) do update set version = excluded.version`

const mergePeople = (columns: readonly string[]) => `insert into sdmk.health_worker overriding system value
  select s.* from public.people s left join sdmk.health_worker t on t.id = s.id and t.version = s.version
  where t.id is null
  on conflict (id) do update set ${assign(columns, ['id'])}`

const mergeRegistrations = (columns: readonly string[]) => `insert into sdmk.registration overriding system value
  select s.* from public.registrations s
  left join sdmk.registration t on t.str_number = s.str_number and t.profession = s.profession and t.version = s.version
  where t.id is null
  on conflict (str_number, profession) do update set ${assign(columns, ['id', 'str_number', 'profession'])}`

const assign = (columns: readonly string[], except: readonly string[]) =>
  columns
    .filter(column => !except.includes(column))
    .map(column => `${column} = excluded.${column}`)
    .join(', ')

async function columnsOf(url: string): Promise<Record<string, string[]>> {
  const client = new pg.Client(url)
  await client.connect()
  try {
    const { rows } = await client.query<{ table: string; columns: string[] }>(
      `select table_name as "table", array_agg(column_name::text) as columns from information_schema.columns
      where table_schema = 'sdmk' group by table_name`
    )
    return Object.fromEntries(rows.map(({ table, columns }) => [table, columns]))
  } finally {
    await client.end()
  }
}
