import type pg from 'pg'
import type { BatchState } from '../batch-terms.ts'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import { compareWithPeople, type Evidence, type HealthWorker, readHealthWorkers } from '../registry/health-workers.ts'
import { RejectionNotFound } from '../sync/errors.ts'
import type { ReviewContext } from '../sync/open-rejections.ts'
import { assertOfRejection, type PendingRow, readPendingRows } from '../sync/stored-rows.ts'
import type { Candidate } from '../transform/types.ts'
import { compareBefore, readPeopleBefore } from './as-decided.ts'
import { maskRow } from './mask.ts'
import { type ReviewRejection, readRejections } from './read.ts'

/** One row, with its comparison with each person that it may belong to. */
export interface ReviewRow {
  batchId: number
  rowNo: number
  page: number
  pageRow: number
  /** The batch that applied a decision about the row, or received a valid row instead; null while the row is pending. */
  settledByBatchId: number | null
  /** As KKI sent it, without any digit of long numbers; null if it was deleted after its retention. */
  row: unknown
  /** The row in SDMK's terms; null if the present mapping cannot read it. */
  reading: ReviewReading | null
  /** One per person; empty if the present mapping cannot read the row. */
  comparisons: ({ healthWorkerId: number } & Evidence)[]
}

/** A row in the form of a person and a licence, so that it can be compared with those of the registry. */
export type ReviewReading = Pick<
  Candidate,
  | 'name'
  | 'titlePrefix'
  | 'titleSuffix'
  | 'birthPlace'
  | 'birthDate'
  | 'sex'
  | 'strNumber'
  | 'profession'
  | 'status'
  | 'validUntil'
> & { hasNik: boolean }

export interface ReviewDecision {
  id: number
  /** Null if the decision was for a new person who does not exist yet or was removed by an undo. */
  healthWorkerId: number | null
  /** Null without a person, and if the person's data is restricted. */
  healthWorkerName: string | null
  /** The decision was that the row belongs to a new person. */
  isNewPerson: boolean
  batchId: number | null
  batchState: BatchState | null
  decidedBy: string
  decidedAt: string
  withdrawnAt: string | null
}

export interface ReviewRetry {
  batchId: number
  /** Null until KKI has answered. */
  answer: 'found' | 'not_found' | 'denied' | null
  answeredAt: string | null
}

export interface RejectionDetail extends ReviewRejection {
  rows: ReviewRow[]
  people: HealthWorker[]
  decisions: ReviewDecision[]
  retries: ReviewRetry[]
}

/** Most rows, decisions and retries that are shown. */
const mostShown = 20

/**
 * Returns a rejection with its rows and its candidates. For a closed rejection, rows and people have their values from before
 * the batch that closed it. @throws RejectionNotFound, SealBroken, SealUnfit
 */
export async function readRejection(pool: pg.Pool, context: ReviewContext, id: number): Promise<RejectionDetail> {
  return inTransaction(pool, client => readWithin(client, context, id), oneMoment)
}

async function readWithin(client: pg.ClientBase, context: ReviewContext, id: number): Promise<RejectionDetail> {
  const { items } = await readRejections(client, { id }, { after: 0, limit: 1 })
  const [rejection] = items
  if (!rejection) throw new RejectionNotFound(id)
  const decisions = await readDecisions(client, id)
  const isClosed = rejection.state === 'resolved' || rejection.state === 'cleared'
  const closedBy = isClosed ? rejection.closedByBatchId : null
  const standing = decisions.filter(({ withdrawnAt }) => withdrawnAt === null)
  const settledBy = [closedBy, ...standing.map(({ batchId }) => batchId)].filter(batchId => batchId !== null)
  const concerned = [...new Set([...rejection.candidates, ...standing.flatMap(one => one.healthWorkerId ?? [])])]
  const people =
    closedBy === null
      ? await readHealthWorkers(client, rejection.candidates)
      : await readPeopleBefore(client, closedBy, concerned)
  const ids = rejection.source === 'kki' ? people.map(person => person.id) : []
  const rows: ReviewRow[] = []
  for (const row of eachOnce(await readPendingRows(client, context.identity, [id], { limit: mostShown, settledBy }))) {
    rows.push(await toReviewRow(client, context, row, { ids, closedBy }))
  }
  return {
    ...rejection,
    rows,
    people,
    decisions,
    retries: rejection.strNumber === null ? [] : await readRetries(client, rejection.strNumber)
  }
}

/** After an undo, the same row may be pending in two batches. Only the one of the later batch is shown. */
function eachOnce(rows: readonly PendingRow[]): PendingRow[] {
  const isSame = (one: PendingRow, other: PendingRow) => one.raw !== null && one.raw === other.raw
  return rows.filter(row => !rows.some(other => isSame(row, other) && other.batchId > row.batchId))
}

async function toReviewRow(
  client: pg.ClientBase,
  { reader, identity, maxSkewSeconds }: ReviewContext,
  pending: PendingRow,
  people: { ids: number[]; closedBy: number | null }
): Promise<ReviewRow> {
  const { raw, source, batchId, rowNo, page, pageRow, settledBy } = pending
  const place = { batchId, rowNo, page, pageRow, settledByBatchId: settledBy }
  if (raw === null || (await isRestricted(client, place)))
    return { ...place, row: null, reading: null, comparisons: [] }
  const parsed = JSON.parse(raw)
  const result = reader.transform(parsed, { sourceNow: Date.now(), maxSkewMs: maxSkewSeconds * 1000 })
  if (source === 'kki') assertOfRejection(pending, result.ok ? result.value.strNumber : result.strNumber)
  const row = maskRow(raw, reader.mappingOf(parsed), result.ok || result.strNumber !== null)
  if (!result.ok) return { ...place, row, reading: null, comparisons: [] }
  const { nik, nameKey, birthDate, birthPlaceKey, sex } = result.value
  const told = { nikDigest: nik === null ? null : identity.digestNik(nik), nameKey, birthDate, birthPlaceKey, sex }
  const comparisons =
    people.closedBy === null
      ? await compareWithPeople(client, told, people.ids)
      : await compareBefore(client, people.closedBy, told, people.ids)
  return { ...place, row, reading: toReading(result.value), comparisons }
}

/** True if the row has the NIK or the STR of a person whose data is restricted. */
export async function isRestricted(client: pg.ClientBase, { batchId, rowNo }: { batchId: number; rowNo: number }) {
  const { rows } = await client.query(
    `select from kki.rejection_occurrence o
    join kki.rejection d on d.id = o.rejection_id
    join sdmk.health_worker h on h.restricted_at is not null and (
      h.nik_digest = o.nik_digest
      or exists (select from sdmk.registration r where r.health_worker_id = h.id and r.str_number = d.str_number)
    )
    where o.batch_id = $1 and o.row_no = $2 limit 1`,
    [batchId, rowNo]
  )
  return rows.length > 0
}

function toReading(candidate: Candidate): ReviewReading {
  const { nik, name, titlePrefix, titleSuffix, birthPlace, birthDate, sex } = candidate
  const { strNumber, profession, status, validUntil } = candidate
  return {
    hasNik: nik !== null,
    name,
    titlePrefix,
    titleSuffix,
    birthPlace,
    birthDate,
    sex,
    strNumber,
    profession,
    status,
    validUntil
  }
}

async function readDecisions(client: pg.ClientBase, rejectionId: number): Promise<ReviewDecision[]> {
  const { rows } = await client.query<ReviewDecision & { decidedAt: Date; withdrawnAt: Date | null }>(
    `select d.id, d.health_worker_id as "healthWorkerId", d.batch_id as "batchId", b.state as "batchState",
      case when h.restricted_at is null and h.erased_at is null then h.name end as "healthWorkerName",
      d.health_worker_id is null or exists (
        select from kki.change c
        where c.batch_id = d.batch_id and c.health_worker_id = d.health_worker_id and c.operation = 'created'
      ) as "isNewPerson",
      d.decided_by as "decidedBy", d.decided_at as "decidedAt", d.withdrawn_at as "withdrawnAt"
    from kki.decision d
    left join kki.batch b on b.id = d.batch_id
    left join sdmk.health_worker h on h.id = d.health_worker_id
    where d.rejection_id = $1 order by d.id desc limit ${mostShown}`,
    [rejectionId]
  )
  return rows.map(row => ({
    ...row,
    decidedAt: row.decidedAt.toISOString(),
    withdrawnAt: row.withdrawnAt?.toISOString() ?? null
  }))
}

async function readRetries(client: pg.ClientBase, strNumber: string): Promise<ReviewRetry[]> {
  const { rows } = await client.query<Omit<ReviewRetry, 'answeredAt'> & { answeredAt: Date | null }>(
    `select batch_id as "batchId", answer, answered_at as "answeredAt" from kki.retry_item
    where str_number = $1 order by batch_id desc limit ${mostShown}`,
    [strNumber]
  )
  return rows.map(row => ({ ...row, answeredAt: row.answeredAt?.toISOString() ?? null }))
}
