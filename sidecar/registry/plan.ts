import { promisify } from 'node:util'
import { zstdDecompress } from 'node:zlib'
import type pg from 'pg'
import type { Rejection } from '../transform/types.ts'
import { parseExactly, stringifyExactly } from './exact-json.ts'
import type { Identity } from './identity.ts'
import { sql } from './sql.ts'
import { type StagedRejection, stageRejections } from './stage.ts'
import { renewStatistics } from './statistics.ts'

export interface PlanOptions {
  /** The day, in SDMK's time zone, by which expiry is judged: `YYYY-MM-DD`. */
  asOf: string
  /** What becomes of an active licence of somebody unknown. */
  createUnmatched: 'create' | 'desk'
  /** True for rows that SDMK itself tells: people without a licence may be among them. */
  hasOwnPeople?: boolean
}

/** What the plan would do, in rows; the ledger's counters without `fetched`. */
export interface PlanSummary {
  created: number
  linked: number
  updated: number
  unchanged: number
  superseded: number
  rejected: number
  /** Equal for plans that would do the same. */
  digest: string
}

const decompress = promisify(zstdDecompress)
/** Pages opened at a time for the rows that the plan refuses; bounds memory whatever their number. */
const pagesAtATime = 2

const workTable = sql('plan/01-work-table.sql')
const fill = sql('plan/02-fill.sql')
/** After the rows are in: an index that is filled at once costs less than one kept up row by row. */
const indexWork = 'alter table work add primary key (row_no); analyze work'
const judgeKnown = [
  'plan/03-decisions.sql',
  'plan/04-repeated-niks.sql',
  'plan/05-placeholder-niks.sql',
  'plan/06-str-groups.sql',
  'plan/07-supersede.sql',
  'plan/08-known-people.sql',
  'plan/09-one-claim.sql',
  'plan/10-nik-claims.sql'
].map(sql)
const equalOwnPeople = sql('plan/11-equal-own-people.sql')
const judgeNewcomers = ['plan/12-known-names.sql', 'plan/13-new-clusters.sql', 'plan/14-new-names.sql'].map(sql)
const newbornLookalikes = sql('plan/15-newborn-lookalikes.sql')
const followers = sql('plan/16-followers.sql')
const ownPeople = sql('plan/17-own-people.sql')
const unmatched = sql('plan/18-unmatched.sql')
const planCreated = sql('plan/19-plan-created.sql')
const planOthers = sql('plan/20-plan-others.sql')
const summary = sql('plan/21-summary.sql')

/**
 * Decides for every staged row of a batch what would become of it, and stores that as the batch's plan, within the
 * caller's transaction. A plan that was there is replaced. The registry is read and not touched.
 */
export async function planBatch(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  options: PlanOptions
): Promise<PlanSummary> {
  await client.query(`truncate kki.plan_row_${batchId}`)
  await client.query(`delete from kki.staged_rejection_${batchId} where by_plan`)
  await client.query(`set local work_mem = '64MB'; set local jit = off`)
  await renewStatistics(client, `kki.staged_row_${batchId}`)
  await client.query(workTable)
  await client.query(fill, [batchId, options.asOf])
  await client.query(indexWork)
  // The steps write the columns by which the next ones choose their rows: with the statistics of before, the planner
  // expects none and loops over all rows for each.
  for (const step of judgeKnown) await client.query(`${step}; analyze work`)
  if (options.hasOwnPeople) await client.query(equalOwnPeople, [batchId])
  for (const step of judgeNewcomers) await client.query(`${step}; analyze work`)
  await client.query(newbornLookalikes, [batchId])
  await client.query(`${followers}; analyze work`)
  if (options.hasOwnPeople) await client.query(ownPeople, [batchId])
  await client.query(unmatched, [options.createUnmatched])
  await client.query(planCreated, [batchId])
  await renewStatistics(client, `kki.plan_row_${batchId}`)
  await client.query(planOthers, [batchId])
  await renewStatistics(client, `kki.plan_row_${batchId}`)
  await stagePlanRejections(client, batchId, identity)
  await renewStatistics(client, `kki.staged_rejection_${batchId}`)

  const { rows } = await client.query(summary, [batchId])
  const planned = rows[0] as Omit<PlanSummary, 'unchanged'>
  const staged = await client.query<{ candidates: number; refused: number }>(
    `select (select count(*) from kki.staged_row where batch_id = $1) as candidates,
      (select count(*) from kki.staged_rejection where batch_id = $1 and not by_plan) as refused`,
    [batchId]
  )
  const { candidates, refused } = staged.rows[0] as { candidates: number; refused: number }
  const { created, linked, updated, superseded, rejected } = planned
  return {
    ...planned,
    unchanged: candidates - created - linked - updated - superseded - rejected,
    rejected: rejected + refused
  }
}

interface RefusedRow {
  row_no: number
  page: number
  page_row: number
  str_number: string | null
  profession: string | null
  problems: Rejection[]
  urgent: boolean
  rule: number | null
  evidence: string | null
  candidates: number[] | null
  nik_digest: Buffer | null
  name_key: string
  /** Minus infinity, which pg gives as a number, in rows that KKI did not stamp. */
  source_at: Date | number
}

/** Puts the rows that the plan refuses, or that a person must see, beside those that were refused for their content, each as KKI sent it. */
async function stagePlanRejections(client: pg.ClientBase, batchId: number, identity: Identity): Promise<void> {
  const { rows: pages } = await client.query<{ page: number }>(
    `select distinct s.page
    from kki.plan_row p join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
    where p.batch_id = $1 and (p.outcome = 'rejected' or p.urgent)
    order by s.page`,
    [batchId]
  )
  for (let i = 0; i < pages.length; i += pagesAtATime) {
    const some = pages.slice(i, i + pagesAtATime).map(({ page }) => page)
    const { rows: refused } = await client.query<RefusedRow>(
      `select p.row_no, s.page, s.page_row, s.str_number, s.profession, p.problems, p.urgent, p.rule, p.evidence, p.candidates,
        s.nik_digest, s.name_key, s.source_at
      from kki.plan_row p join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
      where p.batch_id = $1 and (p.outcome = 'rejected' or p.urgent) and s.page = any ($2::int[])
      order by p.row_no`,
      [batchId, some]
    )
    const bodies = await openPages(client, batchId, identity, some)
    await stageRejections(
      client,
      batchId,
      identity,
      refused.map(row => toRejection(row, bodies))
    )
  }
}

async function openPages(client: pg.ClientBase, batchId: number, identity: Identity, pages: number[]) {
  const { rows } = await client.query<{ page: number; body_sealed: Buffer }>(
    'select page, body_sealed from kki.staged_page where batch_id = $1 and page = any ($2::int[])',
    [batchId, pages]
  )
  const bodies = new Map<number, unknown[]>()
  for (const { page, body_sealed } of rows) {
    const text = (await decompress(identity.open('page', body_sealed))).toString('utf8')
    bodies.set(page, (parseExactly(text) as { data: unknown[] }).data)
  }
  return bodies
}

function toRejection(row: RefusedRow, bodies: Map<number, unknown[]>): StagedRejection {
  return {
    position: { rowNo: row.row_no, page: row.page, pageRow: row.page_row },
    subject: row.str_number,
    strNumber: row.str_number,
    profession: row.profession || null,
    problems: row.problems,
    urgent: row.urgent,
    byPlan: true,
    rule: row.rule,
    evidence: row.evidence,
    candidates: row.candidates,
    nikDigest: row.nik_digest,
    nameKey: row.name_key,
    changedAt: row.source_at instanceof Date ? row.source_at.toISOString() : null,
    raw: stringifyExactly(bodies.get(row.page)?.[row.page_row - 1] ?? null)
  }
}
