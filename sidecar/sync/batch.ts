import type pg from 'pg'
import {
  type BatchKind,
  type BatchState,
  batchStates,
  type Ledger,
  openStates,
  perCounter,
  type WalkKind
} from '../batch-terms.ts'
import type { Transaction } from '../platform/database.ts'
import type { Ids } from '../platform/tracing.ts'
import { FenceLost } from '../registry/errors.ts'

/**
 * The allowed moves from each state; states that are missing are final. An undone batch stays in the record, and another run
 * fetches its window again.
 */
export const batchMoves: Record<BatchState, readonly BatchState[]> = {
  queued: ['fetching', 'failed', 'cancelled'],
  // Rows of a check of the registry are planned as they are found.
  fetching: ['fetching', 'staged', 'planned', 'failed', 'cancelled'],
  staged: ['planned', 'failed', 'cancelled'],
  planned: ['planned', 'held', 'applied', 'failed', 'cancelled'],
  held: ['held', 'applied', 'failed', 'discarded', 'superseded'],
  applied: ['undone'],
  undone: [],
  failed: [],
  cancelled: [],
  discarded: [],
  superseded: []
}

/** The states in which each kind of job works on a batch. */
export const workStates = {
  fetch: ['queued', 'fetching'],
  apply: ['staged', 'planned'],
  approved: ['held']
} as const satisfies Record<string, readonly BatchState[]>

/** Reasons to hold a batch, in the order in which they are shown. */
export const holdReasons = [
  'REQUESTED',
  'UNDONE_WINDOW',
  'DEACTIVATIONS',
  'NAMES_CHANGED',
  'LINKED',
  'NOTHING_PASSED',
  'SCHEMA_CHANGED',
  'EMPTY',
  'REJECT_RATIO',
  'EFFECTS_CHANGED'
] as const
export type HoldReason = (typeof holdReasons)[number]

/** The modes of a run that a caller may request. */
export type RunMode = WalkKind

/** A batch, with the requester from its run. */
export interface Batch extends Ledger {
  id: number
  runId: number
  kind: BatchKind
  /** The requested profession, null for all: SDMK's code, and one of KKI's codes for it. */
  profession: string | null
  sourceProfession: string | null
  state: BatchState
  fence: number
  /** The cursors of its first page and of its next page; sealed, null for the start of the list. */
  startCursor: string | null
  cursor: string | null
  pages: number
  /** From its run: the window, and KKI's clock at the start of the walk. */
  windowSince: Date | null
  windowUntil: Date | null
  sourceTime: Date | null
  /** From its run: the professions, null for all, and whether the request named them. */
  runProfessions: string[] | null
  isFiltered: boolean
  asOf: string | null
  planDigest: string | null
  replans: number
  /** Reasons to hold the batch regardless of its plan. */
  holdAsked: HoldReason[]
  /** Why it was held; null if it never was. */
  holdReasons: HoldReason[] | null
  errorCode: string | null
  errorDetail: string | null
  traceId: string
  createdAt: Date
  fetchStartedAt: Date | null
  fetchedAt: Date | null
  plannedAt: Date | null
  finishedAt: Date | null
  undoneAt: Date | null
  /** For an undone batch: the run that fetched its window again. */
  refetchedBy: number | null
}

/** The columns of `Batch`; `b` and `r` are the aliases of `kki.batch` and its `kki.run`. */
export const batchColumns = `b.id, b.run_id as "runId", b.kind, b.profession, b.source_profession as "sourceProfession", b.state, b.fence,
  b.start_cursor as "startCursor", b.cursor, b.pages, r.window_since as "windowSince", r.window_until as "windowUntil",
  r.source_time as "sourceTime", r.professions as "runProfessions", r.is_filtered as "isFiltered", b.fetched, b.created,
  b.linked, b.updated, b.unchanged, b.superseded, b.rejected, b.deactivated, b.as_of as "asOf",
  b.plan_digest as "planDigest", b.replans, b.hold_asked as "holdAsked", b.hold_reasons as "holdReasons",
  b.error_code as "errorCode", b.error_detail as "errorDetail", b.trace_id as "traceId", b.created_at as "createdAt",
  b.fetch_started_at as "fetchStartedAt", b.fetched_at as "fetchedAt", b.planned_at as "plannedAt",
  b.finished_at as "finishedAt", b.undone_at as "undoneAt",
  (select max(f.run_id) from kki.refetch f where f.undone_batch_id = b.id and f.done_at is not null) as "refetchedBy"`

/** The tables of `batchColumns`. */
export const batchTables = 'kki.batch b join kki.run r on r.id = b.run_id'

/** Returns the batch, or null if no batch has this id. */
export async function readBatch(client: pg.ClientBase | pg.Pool, id: number): Promise<Batch | null> {
  const { rows } = await client.query<Batch>(`select ${batchColumns} from ${batchTables} where b.id = $1`, [id])
  return rows[0] ?? null
}

/**
 * Returns the ids for log lines and spans about a batch. If the database is unavailable, only the batch's id: the work will
 * fail as well and report the cause.
 */
export async function idsOfBatch(pool: pg.Pool, id: number): Promise<Partial<Ids>> {
  const { rows } = await pool
    .query<Required<Pick<Ids, 'trace_id' | 'run_id' | 'request_id'>>>(
      `select b.trace_id, b.run_id, r.request_id from kki.batch b join kki.run r on r.id = b.run_id where b.id = $1`,
      [id]
    )
    .catch(() => ({ rows: [] }))
  return { batch_id: id, ...rows[0] }
}

/** Columns that a job may set. Values of `now` become the transaction's time. */
export type BatchChange = Partial<{
  state: BatchState
  start_cursor: string | null
  cursor: string | null
  pages: number
  fetched: number
  created: number
  linked: number
  updated: number
  unchanged: number
  superseded: number
  rejected: number
  deactivated: number
  as_of: string
  plan_digest: string
  replans: number
  attempts: 0
  effects: unknown
  is_waived: boolean
  hold_reasons: HoldReason[]
  error_code: string
  error_detail: string
  fetch_started_at: 'now'
  fetched_at: 'now'
  planned_at: 'now'
  finished_at: 'now'
  undone_at: 'now'
}>

/**
 * Changes a batch if the caller's fence is still valid and its state allows the move, and returns it. Every transaction of a
 * job starts with this: the row's lock then keeps other jobs out until its end.
 *
 * @throws FenceLost if another process has taken the batch, or a person has ended it.
 */
export async function changeBatch(
  client: Transaction,
  { id, fence }: Pick<Batch, 'id' | 'fence'>,
  change: BatchChange
): Promise<Batch> {
  const entries = Object.entries(change).filter(([, value]) => value !== undefined)
  const values = entries.filter(([, value]) => value !== 'now').map(([, value]) => value)
  const from = change.state === undefined ? openStates : statesBefore(change.state)
  let parameter = 3
  const assignments = entries.map(([column, value]) => `${column} = ${value === 'now' ? 'now()' : `$${++parameter}`}`)
  const { rows } = await client.query<Batch>(
    `update kki.batch b set ${[...assignments, 'version = version + 1'].join(', ')}
    from kki.run r
    where r.id = b.run_id and b.id = $1 and b.fence = $2 and b.state = any ($3::text[])
    returning ${batchColumns}`,
    [id, fence, from, ...values]
  )
  if (!rows[0]) throw new FenceLost(id)
  client.notifyOdoo({ batches: [id] })
  return rows[0]
}

function statesBefore(next: BatchState): BatchState[] {
  return batchStates.filter(state => batchMoves[state].includes(next))
}

/**
 * Takes a batch for this job: its fence rises, so that an earlier job of the batch can no longer write. Null if it has
 * ended.
 */
export async function takeBatch(client: Transaction, id: number, states: readonly BatchState[]): Promise<Batch | null> {
  const { rows } = await client.query<Batch>(
    `update kki.batch b set fence = fence + 1, version = version + 1
    from kki.run r
    where r.id = b.run_id and b.id = $1 and b.state = any ($2::text[])
    returning ${batchColumns}`,
    [id, states]
  )
  if (rows[0]) client.notifyOdoo({ batches: [id] })
  return rows[0] ?? null
}

/** Returns only the counters. */
export function ledgerOf(batch: Ledger): Ledger {
  return perCounter(counter => batch[counter])
}
