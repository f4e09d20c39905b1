import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import type { Transform } from '../transform/transform.ts'
import type { Rejection } from '../transform/types.ts'
import { compactExactly } from './exact-json.ts'
import { stageDoubtful } from './known.ts'
import { settlePlanner } from './planner.ts'
import { inPartitions, sql } from './sql.ts'
import { stageRows } from './stage.ts'
import type { StagedBatch, StagedRejection } from './staged-lines.ts'
import { readRowTexts } from './staged-texts.ts'
import { renewStatistics } from './statistics.ts'

export interface PlanOptions {
  /** The day, in SDMK's time zone, by which expiry is judged: `YYYY-MM-DD`. */
  asOf: string
  /** What becomes of an active licence of somebody unknown. */
  createUnmatched: 'create' | 'desk'
  /** Reads rows that were set aside as known where they must be looked at after all. */
  transform: Transform
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

/** Rows that the plan refuses, taken at a time; bounds memory whatever their number. */
const refusedAtATime = 1000

/**
 * Statistics of few rows do: the planner must only tell none from many. The default sample takes a tenth of a second for
 * each of a dozen steps.
 */
const fewSamples = 'set local default_statistics_target = 10'

const workTable = sql('plan/01-work-table.sql')
const fill = sql('plan/02-fill.sql')
/** After the rows are in: an index that is filled at once costs less than one kept up row by row. */
const indexWork = 'alter table work add primary key (row_no); analyze work'
/**
 * The columns that the steps write and by which the next ones choose their rows: with the statistics of before, the planner
 * expects none and loops over all rows for each.
 */
const analyze = 'analyze work (outcome, rule, health_worker_id, nik_digest, leader_row_no, winner_row_no)'
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
const declareRefused = sql('plan/21-refused.sql')
const summary = sql('plan/22-summary.sql')

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
  const run = <R extends pg.QueryResultRow>(statement: string, values: unknown[] = []) =>
    client.query<R>(inPartitions(statement, batchId), values)
  await run('truncate kki.plan_row')
  await run('delete from kki.staged_rejection where by_plan')
  await settlePlanner(client)
  await client.query(fewSamples)
  await stageDoubtful(client, batchId, identity, options.transform)
  await renewStatistics(client, `kki.staged_row_${batchId}`)
  await run(workTable)
  await run(fill, [batchId, options.asOf])
  await run(indexWork)
  const judge = async (step: string, values: unknown[] = []) => {
    // A step of several statements has several results. In a first load most steps find nothing, and statistics take longer.
    const found = [await run(step, values)].flat().some(({ rowCount }) => (rowCount ?? 0) > 0)
    if (found) await run(analyze)
  }
  for (const step of judgeKnown) await judge(step)
  if (options.hasOwnPeople) await run(equalOwnPeople, [batchId])
  for (const step of judgeNewcomers) await judge(step)
  await run(newbornLookalikes, [batchId])
  await judge(followers)
  if (options.hasOwnPeople) await run(ownPeople, [batchId])
  await run(unmatched, [options.createUnmatched])
  await run(planCreated, [batchId])
  await renewStatistics(client, `kki.plan_row_${batchId}`)
  await run(planOthers, [batchId])
  await renewStatistics(client, `kki.plan_row_${batchId}`)
  await stagePlanRejections(client, { id: batchId, source: options.hasOwnPeople ? 'sdmk' : 'kki' }, identity)
  await renewStatistics(client, `kki.staged_rejection_${batchId}`)

  const { rows } = await run(summary, [batchId])
  const planned = rows[0] as Omit<PlanSummary, 'unchanged'>
  const staged = await run<{ candidates: number; refused: number }>(
    `select (select count(*) from kki.staged_row where batch_id = $1)
        + (select coalesce(sum(cardinality(row_nos)), 0)::bigint from kki.staged_known where batch_id = $1) as candidates,
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
  pageRow: number
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

/**
 * Puts the rows that the plan refuses, or that a person must see, beside those that were refused for their content, each
 * as KKI sent it.
 */
async function stagePlanRejections(client: pg.ClientBase, batch: StagedBatch, identity: Identity): Promise<void> {
  await client.query(inPartitions(declareRefused, batch.id), [batch.id])
  for (;;) {
    const { rows } = await client.query<RefusedRow>(`fetch ${refusedAtATime} from refused`)
    if (rows.length === 0) break
    const rejections: StagedRejection[] = []
    for await (const [row, text] of readRowTexts(client, batch.id, identity, rows)) {
      rejections.push(toRejection(row, text))
    }
    await stageRows(client, batch, identity, { rejections })
  }
  await client.query('close refused')
}

function toRejection(row: RefusedRow, text: string): StagedRejection {
  return {
    position: { rowNo: row.row_no, page: row.page, pageRow: row.pageRow },
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
    raw: compactExactly(text)
  }
}
