import type { FastifyBaseLogger } from 'fastify'
import type pg from 'pg'
import type { Database } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import { chunks, type PeopleJob, ranges, rowsPerCall, type StateJob } from './jobs.ts'
import type { OdooLink } from './link.ts'

interface Block {
  block: number
  count: number
  version: number
  /** Sum of hashes of id and version. */
  hash: number
}

/** What both sides count in blocks of ids: our table, and the model that mirrors it. */
const mirrored = [
  {
    key: 'health_workers',
    table: 'sdmk.health_worker',
    person: 'id',
    model: 'sdmk.health.worker',
    method: 'compare_health_workers'
  },
  {
    key: 'registrations',
    table: 'sdmk.registration',
    person: 'health_worker_id',
    model: 'sdmk.health.worker',
    method: 'compare_health_workers'
  },
  { key: 'batches', table: 'kki.batch', person: null, model: 'sdmk.batch', method: 'compare_batches' },
  { key: 'rejections', table: 'kki.rejection', person: null, model: 'sdmk.batch', method: 'compare_batches' }
] as const

export interface CompareContext {
  database: Database
  queue: Pick<JobQueue, 'sendMany'>
  link: OdooLink
  logger: FastifyBaseLogger
}

/**
 * Compares what Odoo has with the registry, block by block of ids, and sends what differs once more. Returns how many
 * blocks differed of each kind. What is under way meanwhile differs too; sending it twice does no harm.
 */
export async function compareWithOdoo(context: CompareContext, signal: AbortSignal): Promise<Record<string, number>> {
  const { database, link, logger } = context
  const differing: Record<string, number> = {}
  const answers = new Map<string, Record<string, Block[]>>()
  for (const { key, table, person, model, method } of mirrored) {
    const ours = await readBlocks(database.pool, table, person ?? 'id')
    if (!answers.has(method)) {
      const payload = JSON.stringify({ block: rowsPerCall })
      const call = { model, method, payload, rows: 0 }
      answers.set(method, JSON.parse((await link.deliver(call, { requestId: `odoo-${method}`, signal })) as string))
    }
    const theirs = new Map(answers.get(method)?.[key]?.map(block => [block.block, block]))
    const blocks = new Set([...ours.keys(), ...theirs.keys()])
    const different = [...blocks].filter(block => !isEqual(ours.get(block), theirs.get(block)))
    differing[key] = different.length
    await repair(context, key, different)
  }
  if (Object.values(differing).some(count => count > 0)) logger.warn(differing, 'Odoo differs; it is told again')
  else logger.info('Odoo has what the registry has')
  return differing
}

/** Sends everything to Odoo once more, as jobs; returns how many. */
export async function resyncOdoo({ database, queue }: Pick<CompareContext, 'database' | 'queue'>): Promise<number> {
  return database.withTransaction(async client => {
    const { rows } = await client.query<{ people: number | null; batches: number[]; rejections: number[] }>(
      `select (select max(id) from sdmk.health_worker) as people,
        array(select id from kki.batch order by id) as batches,
        array(select id from kki.rejection order by id) as rejections`
    )
    const { people = null, batches = [], rejections = [] } = rows[0] ?? {}
    const state: StateJob[] = [
      { setting: true },
      ...chunks(batches).map(ids => ({ batches: ids })),
      ...chunks(rejections).map(ids => ({ rejections: ids }))
    ]
    const peopleJobs: PeopleJob[] = people === null ? [] : ranges(0, people)
    await queue.sendMany('odoo-state', state, client)
    if (peopleJobs.length > 0) await queue.sendMany('odoo-people', peopleJobs, client)
    return state.length + peopleJobs.length
  })
}

async function readBlocks(pool: pg.Pool, table: string, id: string): Promise<Map<number, Block>> {
  const { rows } = await pool.query<Block>(
    `select ${id} / ${rowsPerCall} as block, count(*) as count, max(version) as version,
      sum(('x' || left(md5(id || ':' || version), 8))::bit(32)::bigint)::bigint as hash
    from ${table} group by 1`
  )
  return new Map(rows.map(row => [row.block, row]))
}

function isEqual(a: Block | undefined, b: Block | undefined): boolean {
  return a?.count === b?.count && a?.version === b?.version && a?.hash === b?.hash
}

async function repair({ database, queue }: CompareContext, key: string, blocks: number[]): Promise<void> {
  if (blocks.length === 0) return
  const rangeOf = (block: number) => ({ from: block * rowsPerCall, to: (block + 1) * rowsPerCall - 1 })
  await database.withTransaction(async client => {
    if (key === 'health_workers' || key === 'registrations') {
      return queue.sendMany('odoo-people', blocks.map(rangeOf), client)
    }
    const table = key === 'batches' ? 'kki.batch' : 'kki.rejection'
    const { rows } = await client.query<{ id: number }>(
      `select id from ${table} where id / ${rowsPerCall} = any ($1::bigint[]) order by id`,
      [blocks]
    )
    const jobs = chunks(rows.map(({ id }) => id)).map(ids => ({ [key]: ids }))
    if (jobs.length > 0) await queue.sendMany('odoo-state', jobs, client)
  })
}
