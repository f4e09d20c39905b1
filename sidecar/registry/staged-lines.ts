import type { Identity } from '../identity/keys.ts'
import { nikOf, type RowSource, rawRowOf } from '../identity/seal-place.ts'
import type { Candidate, OwnCandidate, Rejection, RowPosition } from '../transform/types.ts'
import type { CopyValue } from './copy.ts'

/**
 * The lines of one batch for its staging tables: for each table its columns, and the values of one line. The partitions set
 * the batch.
 */

/** The batch of the staged rows, and their sender. */
export interface StagedBatch {
  id: number
  source: RowSource
}

/** A valid row and its place. */
export interface StagedCandidate {
  position: RowPosition
  candidate: Candidate | OwnCandidate
  /** If it creates a person, that person gets this id; its NIK is sealed for it. Null if it has no NIK. */
  newHealthWorkerId: number | null
  nikDigest: Buffer | null
}

/** A rejected row, its place and its original text. */
export interface StagedRejection {
  position: RowPosition
  /** Identifies the row in the review queue: its canonical STR. Null if it has none; then its digest is used. */
  subject: string | null
  strNumber: string | null
  profession: string | null
  problems: readonly Rejection[]
  urgent: boolean
  byPlan: boolean
  rule: number | null
  evidence: string | null
  candidates: readonly number[] | null
  /** Values that a later valid row must share with this one to settle it; null if the row lacks them. */
  nikDigest: Buffer | null
  nameKey: string | null
  changedAt: string | null
  /** JSON text of the row as KKI sent it. */
  raw: string
}

/** Returns a row that is rejected for its content, without values for comparison with people. */
export function rejectedForContent(
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

export const unchangedColumns = ['page', 'registration_ids', 'warnings']

/** The line of all unchanged rows of a page. */
export function unchangedValues(page: number, registrationIds: string, warnings: readonly string[]): CopyValue[] {
  return [page, registrationIds, warnings]
}

export const rejectionColumns = [
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

export const rowColumns = [
  'row_no',
  'page',
  'page_row',
  'str_number',
  'str_raw',
  'str_format',
  'new_health_worker_id',
  'nik_digest',
  'nik_sealed',
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
  'deactivation_only',
  'problems',
  'person_at'
]

export function rowValues(
  { position, candidate: c, newHealthWorkerId, nikDigest }: StagedCandidate,
  identity: Identity
): CopyValue[] {
  return [
    position.rowNo,
    position.page,
    position.pageRow,
    c.strNumber,
    c.strRaw,
    c.strFormat,
    newHealthWorkerId,
    nikDigest,
    c.nik && identity.seal(nikOf(newHealthWorkerId), c.nik),
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
    c.deactivationOnly,
    c.problems.length > 0 ? c.problems : null,
    'personAt' in c ? c.personAt : null
  ]
}

export function rejectionValues(batch: StagedBatch, row: StagedRejection, identity: Identity): CopyValue[] {
  const digest = identity.digestRow(row.raw)
  const subject = row.subject ?? `row:${digest.toString('hex')}`
  return [
    row.position.rowNo,
    row.position.page,
    row.position.pageRow,
    subject,
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
    identity.seal(rawRowOf(batch.source, batch.id, row.position.rowNo, subject), row.raw)
  ]
}
