import { setImmediate as nextTurn } from 'node:timers/promises'
import { constants, zstdCompressSync } from 'node:zlib'
import type pg from 'pg'
import type { Candidate, OwnCandidate, Rejection, RowPosition } from '../transform/types.ts'
import { type CopyValue, copyLine, copyLines } from './copy.ts'
import { holdDigestKey } from './digest-key.ts'
import { DigestKeyChanged } from './errors.ts'
import type { Identity } from './identity.ts'

/** A row in good order, where it stood. */
export interface StagedCandidate {
  position: RowPosition
  candidate: Candidate | OwnCandidate
}

/** A row that says what SDMK holds already, where it stood, and the registration that it tells of. */
export interface KnownRow {
  position: RowPosition
  registrationId: number
  registrationVersion: number
}

/** A row that is refused, where it stood and as it came. */
export interface StagedRejection {
  position: RowPosition
  /** What the desk knows the row by: its canonical STR; null where it has none, and its digest serves instead. */
  subject: string | null
  strNumber: string | null
  profession: string | null
  problems: readonly Rejection[]
  urgent: boolean
  byPlan: boolean
  rule: number | null
  evidence: string | null
  candidates: readonly number[] | null
  /** What a later row in good order must share with this one to heal it; null where the row does not say. */
  nikDigest: Buffer | null
  nameKey: string | null
  changedAt: string | null
  /** JSON text of the row as KKI sent it. */
  raw: string
}

/** Returns a row that is refused for its own content: who it is about, it does not say well enough to be compared. */
export function refusedForContent(
  row: Pick<StagedRejection, 'position' | 'strNumber' | 'profession' | 'problems' | 'urgent' | 'raw'>
): StagedRejection {
  return {
    ...row,
    subject: row.strNumber,
    byPlan: false,
    rule: null,
    evidence: null,
    candidates: null,
    nikDigest: null,
    nameKey: null,
    changedAt: null
  }
}

export interface StagedPage {
  page: number
  rowCount: number
  /** JSON text as KKI sent it. */
  body: Buffer
  candidates: StagedCandidate[]
  /** Set aside from the candidates (`setKnownAside`). */
  known?: KnownRow[]
  rejections: StagedRejection[]
}

/**
 * On the main thread, at a millisecond per page: the thread pool would do it beside other work, but each of its threads
 * keeps megabytes for itself afterwards.
 */
const compress = (body: Buffer) => zstdCompressSync(body, { params: { [constants.ZSTD_c_compressionLevel]: 1 } })

/** Makes the staging partitions of a batch; those that exist are emptied. */
export async function openStaging(client: pg.ClientBase, batchId: number): Promise<void> {
  await client.query('select kki.open_staging($1)', [batchId])
}

/** A page as lines of COPY, outside of the heap: several pages wait together for their transaction. */
export interface PreparedPage {
  /** Of the key that its rows are digested with. */
  fingerprint: Buffer
  page: number
  /** Of all its rows that are staged. */
  rowCount: number
  rejectionCount: number
  /** Of the page as it came, rows included that are not staged. */
  listedCount: number
  bodySealed: Buffer
  rowLines: Buffer
  knownLines: Buffer
  rejectionLines: Buffer
}

/** Returns a page with its identity numbers digested and sealed, and its body compressed and sealed. */
export async function preparePage(batchId: number, identity: Identity, page: StagedPage): Promise<PreparedPage> {
  const known = page.known ?? []
  return {
    fingerprint: identity.fingerprint,
    page: page.page,
    rowCount: page.candidates.length + known.length + page.rejections.length,
    rejectionCount: page.rejections.length,
    listedCount: page.rowCount,
    bodySealed: identity.seal('page', compress(page.body)),
    rowLines: await linesInTurns(page.candidates, row => rowValues(batchId, row, identity)),
    knownLines: linesOf(known, ({ position, registrationId, registrationVersion }) => [
      batchId,
      position.rowNo,
      position.page,
      position.pageRow,
      registrationId,
      registrationVersion
    ]),
    rejectionLines: linesOf(page.rejections, row => rejectionValues(batchId, row, identity))
  }
}

/** Rows after which whatever else waits has its turn. */
const rowsPerTurn = 50

async function linesInTurns<T>(rows: readonly T[], valuesOf: (row: T) => CopyValue[]): Promise<Buffer> {
  const chunks: Buffer[] = []
  for (let i = 0; i < rows.length; i += rowsPerTurn) {
    await nextTurn()
    chunks.push(linesOf(rows.slice(i, i + rowsPerTurn), valuesOf))
  }
  return Buffer.concat(chunks)
}

function linesOf<T>(rows: readonly T[], valuesOf: (row: T) => CopyValue[]): Buffer {
  let lines = ''
  for (const row of rows) lines += copyLine(valuesOf(row))
  return Buffer.from(lines)
}

/**
 * Copies pages into the staging partitions of a batch, within the caller's transaction.
 * @throws DigestKeyChanged where another digest key is in force than when they were prepared
 */
export async function stagePages(
  client: pg.ClientBase,
  batchId: number,
  pages: readonly PreparedPage[]
): Promise<void> {
  const inForce = await holdDigestKey(client)
  if (inForce !== null && pages.some(page => !page.fingerprint.equals(inForce))) throw new DigestKeyChanged(batchId)
  const copy = async (table: string, columns: readonly string[], chunks: Buffer[]) => {
    const filled = chunks.filter(chunk => chunk.length > 0)
    if (filled.length > 0) await copyLines(client, `kki.${table}_${batchId}`, columns, filled)
  }
  await insertPages(client, batchId, pages)
  await copy(
    'staged_row',
    rowColumns,
    pages.map(page => page.rowLines)
  )
  await copy(
    'staged_known',
    knownColumns,
    pages.map(page => page.knownLines)
  )
  await copy(
    'staged_rejection',
    rejectionColumns,
    pages.map(page => page.rejectionLines)
  )
}

/** As parameters: COPY's text would carry each body in hex, at twice its size. */
async function insertPages(client: pg.ClientBase, batchId: number, pages: readonly PreparedPage[]): Promise<void> {
  if (pages.length === 0) return
  const rows = pages.map((_, i) => `($1, $${3 * i + 2}, $${3 * i + 3}, $${3 * i + 4})`)
  await client.query(
    `insert into kki.staged_page_${batchId} (batch_id, page, row_count, body_sealed) values ${rows.join(', ')}`,
    [batchId, ...pages.flatMap(({ page, listedCount, bodySealed }) => [page, listedCount, bodySealed])]
  )
}

/** Copies rows of pages that are staged into the partitions of a batch, within the caller's transaction. */
export async function stageRows(
  client: pg.ClientBase,
  batchId: number,
  identity: Identity,
  { candidates = [], rejections = [] }: Partial<Pick<StagedPage, 'candidates' | 'rejections'>>
): Promise<void> {
  if (candidates.length > 0) {
    const lines = linesOf(candidates, row => rowValues(batchId, row, identity))
    await copyLines(client, `kki.staged_row_${batchId}`, rowColumns, [lines])
  }
  if (rejections.length > 0) {
    const lines = linesOf(rejections, row => rejectionValues(batchId, row, identity))
    await copyLines(client, `kki.staged_rejection_${batchId}`, rejectionColumns, [lines])
  }
}

const knownColumns = ['batch_id', 'row_no', 'page', 'page_row', 'registration_id', 'registration_version']

const rejectionColumns = [
  'batch_id',
  'row_no',
  'page',
  'page_row',
  'subject',
  'str_number',
  'profession',
  'problems',
  'urgent',
  'by_plan',
  'rule',
  'evidence',
  'candidates',
  'nik_digest',
  'name_key',
  'source_at',
  'content_digest',
  'raw_sealed'
]

const rowColumns = [
  'batch_id',
  'row_no',
  'page',
  'page_row',
  'str_number',
  'str_raw',
  'str_format',
  'nik_digest',
  'nik_sealed',
  'nik_tail',
  'name',
  'title_prefix',
  'title_suffix',
  'name_key',
  'birth_place',
  'birth_place_key',
  'birth_date',
  'sex',
  'profession',
  'competence',
  'status',
  'source_status',
  'issued_on',
  'valid_until',
  'is_lifetime',
  'institution',
  'graduation_year',
  'province',
  'source_at',
  'content_hash',
  'warnings',
  'ending_only',
  'problems',
  'person_at'
]

function rowValues(batchId: number, { position, candidate: c }: StagedCandidate, identity: Identity): CopyValue[] {
  return [
    batchId,
    position.rowNo,
    position.page,
    position.pageRow,
    c.strNumber,
    c.strRaw,
    c.strFormat,
    c.nik && identity.digestNik(c.nik),
    c.nik && identity.seal('nik', c.nik),
    c.nik?.slice(-2) ?? null,
    c.name,
    c.titlePrefix,
    c.titleSuffix,
    c.nameKey,
    c.birthPlace,
    c.birthPlaceKey,
    c.birthDate,
    c.sex,
    c.profession,
    c.competence,
    c.status,
    c.sourceStatus,
    c.issuedOn,
    c.validUntil,
    c.isLifetime,
    c.institution,
    c.graduationYear,
    c.province,
    c.changedAt,
    `\\x${c.contentHash}`,
    c.warnings.length > 0 ? c.warnings : null,
    c.endingOnly,
    c.problems.length > 0 ? c.problems : null,
    'personAt' in c ? c.personAt : null
  ]
}

function rejectionValues(batchId: number, row: StagedRejection, identity: Identity): CopyValue[] {
  const digest = identity.digestRow(row.raw)
  return [
    batchId,
    row.position.rowNo,
    row.position.page,
    row.position.pageRow,
    row.subject ?? `row:${digest.toString('hex')}`,
    row.strNumber,
    row.profession,
    row.problems,
    row.urgent,
    row.byPlan,
    row.rule,
    row.evidence,
    row.candidates?.map(String) ?? null,
    row.nikDigest,
    row.nameKey,
    row.changedAt,
    digest,
    identity.seal('row', row.raw)
  ]
}
