import { compareAuditHeads } from './audit-heads.ts'
import { type Block, differingBlocks, readBlocks } from './blocks.ts'
import type { CompareContext } from './compare-context.ts'
import { type PeopleJob, type RepairKey, ranges, rowsPerCall, type StateJob } from './jobs.ts'
import type { Delivery } from './link.ts'
import { type MirroredKey, mirrored } from './mirrored.ts'
import { integrationPayload } from './payloads.ts'
import { codesPayload, professionsPayload } from './words.ts'

/** Differences of each kind: the number of blocks, or of records for kinds with few records. */
export type Difference = Record<MirroredKey | SmallKey | 'audit_heads', number>

/**
 * Compares Odoo with the registry, block by block of ids, and sends differing blocks again. Records that are being sent
 * meanwhile differ too; sending them twice does no harm.
 */
export async function compareWithOdoo(
  context: CompareContext,
  delivery: Omit<Delivery, 'requestId'>
): Promise<Difference> {
  const { database, logger } = context
  const differing: [MirroredKey, number[]][] = []
  let answer: { method: string; blocks: Record<string, Block[]> } | undefined
  for (const [name, { method }] of Object.entries(mirrored)) {
    const key = name as MirroredKey
    const ours = await readBlocks(database.pool, key)
    if (answer?.method !== method) answer = { method, blocks: await askOdoo(context, key, delivery) }
    const theirs = new Map(answer.blocks[key]?.map(block => [block.block, block]))
    differing.push([key, differingBlocks(ours, theirs)])
  }
  const byKey = Object.fromEntries(differing) as Record<MirroredKey, number[]>
  await repair(context, byKey)
  const difference = {
    ...Object.fromEntries(differing.map(([key, blocks]) => [key, blocks.length])),
    ...(await repairSmall(context, delivery)),
    audit_heads: await compareAuditHeads(context, delivery)
  } as Difference
  if (Object.values(difference).some(count => count > 0))
    logger.warn(difference, 'Odoo differs from the registry; the differences are sent again')
  else logger.info('Odoo and the registry are equal')
  return difference
}

/** Kinds with so few records that all are sent each time; Odoo answers how many differed. */
const small = {
  professions: ({ database }: CompareContext) => professionsPayload(database.pool),
  codes: async () => codesPayload(),
  integrations: ({ database, timeZone }: CompareContext) => integrationPayload(database.pool, timeZone)
}
type SmallKey = keyof typeof small

async function repairSmall(context: CompareContext, delivery: Omit<Delivery, 'requestId'>) {
  const differing: [string, number][] = []
  for (const [key, read] of Object.entries(small)) {
    let differed = 0
    // Like other repairs, this is repeated if a change overtook it.
    for (let told = await read(context), before = ''; told.payload !== before; told = await read(context)) {
      before = told.payload
      const whole = { ...told, payload: `{"repair": true, ${told.payload.slice(1)}` }
      differed += Number(await context.link.deliver(whole, { ...delivery, requestId: `odoo-repair-${key}` }))
    }
    differing.push([key, differed])
  }
  return Object.fromEntries(differing)
}

/** Sends everything to Odoo once more, as jobs; returns how many. */
export async function resyncOdoo({ database, queue }: Pick<CompareContext, 'database' | 'queue'>): Promise<number> {
  return database.withTransaction(async client => {
    const { rows } = await client.query<Record<'people' | 'batches' | 'rejections', number | null>>(
      `select (select max(id) from sdmk.health_worker) as people, (select max(id) from kki.batch) as batches,
        (select max(id) from kki.rejection) as rejections`
    )
    const upTo = (last: number | null | undefined) => (last ? ranges(0, last) : [])
    const repairs = (key: RepairKey) => upTo(rows[0]?.[key]).map(range => ({ repair: { key, ...range } }))
    const state: StateJob[] = [{ words: true, setting: true }, ...repairs('batches'), ...repairs('rejections')]
    const people: PeopleJob[] = upTo(rows[0]?.people).map(range => ({ repair: range }))
    await queue.sendMany('odoo-state', state, client)
    if (people.length > 0) await queue.sendMany('odoo-people', people, client)
    return state.length + people.length
  })
}

async function askOdoo({ link }: CompareContext, key: MirroredKey, delivery: Omit<Delivery, 'requestId'>) {
  const { model, method } = mirrored[key]
  const call = { model, method, payload: JSON.stringify({ block: rowsPerCall }), rows: 0 }
  // As a text: XML-RPC has no integers above 31 bits.
  const answer = await link.deliver(call, { ...delivery, requestId: `odoo-${method}` })
  return JSON.parse(answer as string) as Record<string, Block[]>
}

async function repair({ database, queue }: CompareContext, blocks: Record<MirroredKey, number[]>): Promise<void> {
  const rangesOf = (some: Iterable<number>) =>
    [...some].map(block => ({ from: block * rowsPerCall, to: (block + 1) * rowsPerCall - 1 }))
  const state: StateJob[] = (['batches', 'rejections'] as const).flatMap(key =>
    rangesOf(blocks[key]).map(range => ({ repair: { key, ...range } }))
  )
  // Both are blocks of people.
  const people: PeopleJob[] = rangesOf(new Set([...blocks.health_workers, ...blocks.registrations])).map(range => ({
    repair: range
  }))
  if (state.length + people.length === 0) return
  await database.withTransaction(async client => {
    if (state.length > 0) await queue.sendMany('odoo-state', state, client)
    if (people.length > 0) await queue.sendMany('odoo-people', people, client)
  })
}
