import type pg from 'pg'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import { compareWithPeople, type Evidence, type HealthWorker, readHealthWorkers } from '../registry/health-workers.ts'
import { RejectionNotFound } from '../sync/errors.ts'
import type { DeskContext } from '../sync/open-rejections.ts'
import { assertOfRejection, type PendingRow, readPendingRows } from '../sync/stored-rows.ts'
import type { Candidate } from '../transform/types.ts'
import { maskRow } from './mask.ts'
import { type DeskRejection, readRejections } from './read.ts'

/** One pending row, beside each person whom it may be. */
export interface DeskRow {
  batchId: number
  rowNo: number
  page: number
  pageRow: number
  /** As KKI sent it, no digit of a long number in it; null where it is no longer kept. */
  row: unknown
  /** What the row says in SDMK's terms; null where it cannot be read under the present mapping. */
  reading: DeskReading | null
  /** By person; empty where the row cannot be read under the present mapping. */
  comparisons: ({ healthWorkerId: number } & Evidence)[]
}

/** A row in the words of a person and a licence, to be held beside those of the registry. */
export type DeskReading = Pick<
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

export interface DeskDecision {
  id: number
  /** Null where the decision was for somebody new who does not exist yet, or no longer. */
  healthWorkerId: number | null
  batchId: number | null
  decidedBy: string
  decidedAt: string
  withdrawnAt: string | null
}

export interface DeskRetry {
  batchId: number
  /** Null until KKI has answered. */
  answer: 'found' | 'not_found' | 'refused' | null
  answeredAt: string | null
}

export interface RejectionDetail extends DeskRejection {
  rows: DeskRow[]
  people: HealthWorker[]
  decisions: DeskDecision[]
  retries: DeskRetry[]
}

/** Rows, decisions and retries that are shown. */
const mostShown = 20

/** Returns a rejection with its pending rows and its candidates side by side. @throws RejectionNotFound, SealBroken, SealUnfit */
export async function readRejection(pool: pg.Pool, context: DeskContext, id: number): Promise<RejectionDetail> {
  return inTransaction(pool, client => readWithin(client, context, id), oneMoment)
}

async function readWithin(client: pg.ClientBase, context: DeskContext, id: number): Promise<RejectionDetail> {
  const { items } = await readRejections(client, { id }, { after: 0, limit: 1 })
  const [rejection] = items
  if (!rejection) throw new RejectionNotFound(id)
  const people = await readHealthWorkers(client, rejection.candidates)
  const ids = people.map(person => person.id)
  const rows: DeskRow[] = []
  for (const row of await readPendingRows(client, context.identity, [id], { limit: mostShown })) {
    rows.push(await toDeskRow(client, context, row, rejection.source === 'kki' ? ids : []))
  }
  return {
    ...rejection,
    rows,
    people,
    decisions: await readDecisions(client, id),
    retries: rejection.strNumber === null ? [] : await readRetries(client, rejection.strNumber)
  }
}

async function toDeskRow(
  client: pg.ClientBase,
  { reader, identity, maxSkewSeconds }: DeskContext,
  pending: PendingRow,
  people: number[]
): Promise<DeskRow> {
  const { raw, source, batchId, rowNo, page, pageRow } = pending
  const place = { batchId, rowNo, page, pageRow }
  if (raw === null || (await isRestricted(client, place)))
    return { ...place, row: null, reading: null, comparisons: [] }
  const parsed = JSON.parse(raw)
  const result = reader.transform(parsed, { sourceNow: Date.now(), maxSkewMs: maxSkewSeconds * 1000 })
  if (source === 'kki') assertOfRejection(pending, result.ok ? result.value.strNumber : result.strNumber)
  const row = maskRow(raw, reader.mappingOf(parsed), result.ok || result.strNumber !== null)
  if (!result.ok) return { ...place, row, reading: null, comparisons: [] }
  const { nik, nameKey, birthDate, birthPlaceKey, sex } = result.value
  const nikDigest = nik === null ? null : identity.digestNik(nik)
  return {
    ...place,
    row,
    reading: toReading(result.value),
    comparisons: await compareWithPeople(client, { nikDigest, nameKey, birthDate, birthPlaceKey, sex }, people)
  }
}

/** True where the row carries the NIK, or the STR, of somebody whose data is restricted. */
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

function toReading(candidate: Candidate): DeskReading {
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

async function readDecisions(client: pg.ClientBase, rejectionId: number): Promise<DeskDecision[]> {
  const { rows } = await client.query<DeskDecision & { decidedAt: Date; withdrawnAt: Date | null }>(
    `select id, health_worker_id as "healthWorkerId", batch_id as "batchId", decided_by as "decidedBy",
      decided_at as "decidedAt", withdrawn_at as "withdrawnAt"
    from kki.decision where rejection_id = $1 order by id desc limit ${mostShown}`,
    [rejectionId]
  )
  return rows.map(row => ({
    ...row,
    decidedAt: row.decidedAt.toISOString(),
    withdrawnAt: row.withdrawnAt?.toISOString() ?? null
  }))
}

async function readRetries(client: pg.ClientBase, strNumber: string): Promise<DeskRetry[]> {
  const { rows } = await client.query<Omit<DeskRetry, 'answeredAt'> & { answeredAt: Date | null }>(
    `select batch_id as "batchId", answer, answered_at as "answeredAt" from kki.retry_item
    where str_number = $1 order by batch_id desc limit ${mostShown}`,
    [strNumber]
  )
  return rows.map(row => ({ ...row, answeredAt: row.answeredAt?.toISOString() ?? null }))
}
