import type pg from 'pg'
import { restingStates } from '../batch-terms.ts'
import { type Batch, batchColumns, batchTables, ledgerOf } from '../sync/batch.ts'
import type { BatchBody, RunBody } from './schemas.ts'

/** Returns a batch in the form that the API shows. */
export function toBatchBody(batch: Batch): BatchBody {
  const instant = (at: Date | null) => at?.toISOString() ?? null
  return {
    id: batch.id,
    runId: batch.runId,
    kind: batch.kind,
    profession: batch.profession,
    state: batch.state,
    windowSince: instant(batch.windowSince),
    windowUntil: instant(batch.windowUntil),
    pages: batch.pages,
    ledger: ledgerOf(batch),
    asOf: batch.asOf,
    planDigest: batch.planDigest,
    holdReasons: batch.holdReasons,
    error: batch.errorCode === null ? null : { code: batch.errorCode, detail: batch.errorDetail ?? '' },
    traceId: batch.traceId,
    createdAt: batch.createdAt.toISOString(),
    fetchStartedAt: instant(batch.fetchStartedAt),
    fetchedAt: instant(batch.fetchedAt),
    plannedAt: instant(batch.plannedAt),
    finishedAt: instant(batch.finishedAt),
    undoneAt: instant(batch.undoneAt),
    refetchedBy: batch.refetchedBy
  }
}

interface RunRow {
  id: number
  triggered_by: RunBody['triggeredBy']
  mode: RunBody['mode']
  apply_mode: RunBody['apply']
  professions: string[] | null
  changed_since: Date | null
  changed_until: Date | null
  window_since: Date | null
  window_until: Date | null
  expected_total: number | null
  slot: Date | null
  skipped_reason: string | null
  actor: string
  request_id: string
  trace_id: string
  created_at: Date
  finished_at: Date | null
}

/** Returns runs with their batches, newest first: those with an id below `before`, or the newest if it is 0. */
export async function readRuns(
  pool: pg.Pool,
  { before, limit }: { before: number; limit: number }
): Promise<RunBody[]> {
  const { rows } = await pool.query<RunRow>(
    'select * from kki.run where ($1::bigint = 0 or id < $1) order by id desc limit $2',
    [before, limit]
  )
  return withBatches(pool, rows)
}

/** Returns the run with its batches, or null if no run has this id. */
export async function readRun(pool: pg.Pool, id: number): Promise<RunBody | null> {
  const { rows } = await pool.query<RunRow>('select * from kki.run where id = $1', [id])
  const [run] = await withBatches(pool, rows)
  return run ?? null
}

async function withBatches(pool: pg.Pool, runs: RunRow[]): Promise<RunBody[]> {
  const { rows } = await pool.query<Batch>(
    `select ${batchColumns} from ${batchTables} where b.run_id = any ($1::bigint[]) order by b.id`,
    [runs.map(({ id }) => id)]
  )
  const byRun = Map.groupBy(rows, ({ runId }) => runId)
  return runs.map(run => {
    const batches = byRun.get(run.id) ?? []
    return {
      id: run.id,
      triggeredBy: run.triggered_by,
      mode: run.mode,
      apply: run.apply_mode,
      professions: run.professions,
      changedSince: run.changed_since?.toISOString() ?? null,
      changedUntil: run.changed_until?.toISOString() ?? null,
      windowSince: run.window_since?.toISOString() ?? null,
      windowUntil: run.window_until?.toISOString() ?? null,
      expectedTotal: run.expected_total,
      slot: run.slot?.toISOString() ?? null,
      skippedReason: run.skipped_reason,
      actor: run.actor,
      requestId: run.request_id,
      traceId: run.trace_id,
      createdAt: run.created_at.toISOString(),
      finishedAt: run.finished_at?.toISOString() ?? null,
      state: stateOf(run, batches),
      batches: batches.map(toBatchBody)
    }
  })
}

/** The state that is most urgent for a person: a run is applied only when all of its batches are. */
function stateOf(run: RunRow, batches: Batch[]): RunBody['state'] {
  if (run.skipped_reason !== null) return 'skipped'
  if (run.finished_at === null) return 'running'
  const states = new Set(batches.map(({ state }) => state))
  return restingStates.find(state => states.has(state)) ?? 'applied'
}
