import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import type { Rejection } from '../transform/types.ts'
import { settlePlanner } from './planner.ts'
import { sql } from './sql.ts'
import { stageRejections } from './stage.ts'
import type { StagedBatch, StagedRejection } from './staged-lines.ts'
import { readRowTexts } from './staged-texts.ts'
import { useStaging } from './staging.ts'
import { renewStatistics } from './statistics.ts'

export interface PlanOptions {
  /** The day in SDMK's time zone before which licences must have ended to be expired: `YYYY-MM-DD`. */
  asOf: string
  /** What to do with an active licence of an unmatched person. */
  createUnmatched: 'create' | 'review'
  /** True for SDMK's own rows, which may be people without a licence. */
  hasOwnPeople?: boolean
  /** True for rows of a file: those of one STR may have the same stamp. */
  isFile?: boolean
}

/** The outcomes of the plan in rows: the ledger's counters without `fetched`. */
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

/** Rejected rows that are read at a time; bounds memory. */
const rejectedAtATime = 1000

/**
 * Statistics of few rows are enough, because the planner only has to distinguish an empty table from a large one. The
 * default sample takes a tenth of a second for each of a dozen steps.
 */
const fewSamples = 'set local default_statistics_target = 10'

const workTable = sql('plan/decide/01-work-table.sql')
/**
 * The columns that a step writes and the next ones select by. With older statistics the planner expects zero rows and
 * chooses a nested loop over all rows.
 */
const analyze = 'analyze work (outcome, rule, health_worker_id, nik_digest, leader_row_no, winner_row_no)'
const steps: readonly Step[] = [
  step('plan/decide/02-decisions.sql'),
  step('plan/decide/03-placeholder-niks.sql'),
  step('plan/decide/04-rows-of-one-str.sql'),
  step('plan/decide/05-rows-of-stored-str.sql', ({ isFile }) => isFile === true),
  step('plan/match/01-known-people.sql'),
  step('plan/match/02-one-person-per-registration.sql'),
  step('plan/match/03-one-person-per-nik.sql'),
  step('plan/match/04-repeated-own-people.sql', ({ hasOwnPeople }) => hasOwnPeople === true),
  step('plan/match/05-similar-known-people.sql'),
  step('plan/create/01-rows-of-one-newcomer.sql'),
  step('plan/create/02-similar-newcomers.sql'),
  step('plan/create/03-merged-newcomers.sql'),
  step('plan/create/04-rows-of-rejected-newcomers.sql'),
  step('plan/create/05-own-people.sql', ({ hasOwnPeople }) => hasOwnPeople === true),
  step('plan/create/06-unmatched.sql', ({ createUnmatched }) => createUnmatched === 'review')
]
const planRows = sql('plan/report/01-plan-rows.sql')
const declareRejected = sql('plan/report/02-rejected-rows.sql')
const ledger = sql('plan/report/03-ledger.sql')

interface Step {
  text: string
  isNeeded: (options: PlanOptions) => boolean
}

function step(file: string, isNeeded: Step['isNeeded'] = () => true): Step {
  return { text: sql(file), isNeeded }
}

/**
 * Decides the outcome of every staged row of a batch and stores the result as the batch's plan, within the caller's
 * transaction. It replaces an existing plan. The registry is only read.
 */
export async function planBatch(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  options: PlanOptions
): Promise<PlanSummary> {
  await useStaging(client, batchId)
  await client.query('truncate plan_row; delete from staged_rejection where by_plan')
  await settlePlanner(client)
  await client.query(fewSamples)
  await renewStatistics(client, 'staged_row')
  await client.query(`select set_config('sdmk.as_of', $1, true)`, [options.asOf])
  await client.query(workTable)
  for (const { text, isNeeded } of steps) {
    if (!isNeeded(options)) continue
    // A step of several statements has several results. In a first load most steps update nothing, and the statistics
    // would take longer than the step.
    const hasUpdated = [await client.query(text)]
      .flat()
      .some(({ command, rowCount }) => command === 'UPDATE' && rowCount)
    if (hasUpdated) await client.query(analyze)
  }
  await client.query(planRows)
  await stagePlanRejections(client, { id: batchId, source: options.hasOwnPeople ? 'sdmk' : 'kki' }, identity)
  await renewStatistics(client, 'staged_rejection')
  const { rows } = await client.query<PlanSummary>(ledger)
  return rows[0] as PlanSummary
}

interface RejectedRow {
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
  /** Minus infinity, which pg returns as a number, in rows without a stamp of KKI. */
  source_at: Date | number
}

/**
 * Stores the rows that the plan rejects, or that a person must see, with the rows that were rejected for their content, each
 * as KKI sent it.
 */
async function stagePlanRejections(client: pg.ClientBase, batch: StagedBatch, identity: Identity): Promise<void> {
  await client.query(declareRejected)
  for (;;) {
    const { rows } = await client.query<RejectedRow>(`fetch ${rejectedAtATime} from rejected_row`)
    if (rows.length === 0) break
    const rejections: StagedRejection[] = []
    for await (const [row, text] of readRowTexts(client, batch.id, identity, rows)) {
      rejections.push(toRejection(row, text))
    }
    await stageRejections(client, batch, identity, rejections)
  }
  await client.query('close rejected_row')
}

function toRejection(row: RejectedRow, text: string): StagedRejection {
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
    raw: text
  }
}
