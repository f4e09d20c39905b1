import type { RegistrationStatus } from '../registration-terms.ts'
import type { RejectionCode, WarningCode } from './codes.ts'

/** The place of one KKI record: its number in the batch, its page and its place in that page; all count from 1. */
export interface RowPosition {
  rowNo: number
  page: number
  pageRow: number
}

/** Why a record was rejected. `instancePath` points into the raw record (RFC 6901); `params` never contain its values. */
export interface Rejection {
  code: RejectionCode
  instancePath: string
  params: Record<string, string | number | boolean>
}

export type StrFormat = 'kki_2004' | 'lifetime' | 'unknown'
export type Sex = 'male' | 'female'

/**
 * One KKI record in SDMK's terms, ready to be staged.
 *
 * Dates are `YYYY-MM-DD`; `changedAt` is an ISO instant in UTC with milliseconds. `null` means that KKI sent no value.
 */
export interface Candidate {
  /** Canonical STR: upper case, letters and digits only, a leading literal `STR` dropped. */
  strNumber: string
  /** KKI's spelling, trimmed. */
  strRaw: string
  strFormat: StrFormat
  /** Sixteen digits in clear. Only in memory: staging stores its digest and its sealed form. */
  nik: string | null
  /** Core name in KKI's spelling, without titles. */
  name: string
  titlePrefix: string | null
  titleSuffix: string | null
  nameKey: string
  birthPlace: string | null
  birthPlaceKey: string | null
  birthDate: string | null
  sex: Sex | null
  /** Profession code of SDMK (`contracts/sources/kki.json`). */
  profession: string
  competence: string | null
  status: RegistrationStatus
  /** KKI's own word, verbatim. */
  sourceStatus: string
  issuedOn: string | null
  /** Last day of validity; `null` with `isLifetime` false means unknown. */
  validUntil: string | null
  isLifetime: boolean
  institution: string | null
  graduationYear: number | null
  province: string | null
  changedAt: string
  warnings: WarningCode[]
  /** 32 hex digits over everything above except the NIK; `changedAt` and the warnings are included. */
  contentHash: string
  /**
   * True if the row has problems that would reject it, but contains a deactivation (a listed inactive status) of a
   * valid STR. If the STR belongs to exactly one known person, status, end date and stamp are still applied; otherwise
   * the row is rejected for `problems`.
   */
  deactivationOnly: boolean
  problems: Rejection[]
}

/**
 * A person from SDMK's own files: the licence may be missing, and the values are SDMK's own. So `personAt` is later, and
 * `changedAt` (`-infinity`) earlier, than any stamp of KKI.
 */
export type OwnCandidate = Omit<Candidate, LicenceField> & { [Field in LicenceField]: Candidate[Field] | null } & {
  personAt: 'infinity'
}
type LicenceField = 'strNumber' | 'strRaw' | 'strFormat' | 'profession' | 'sourceStatus'

/**
 * The result for one raw record. A rejected one keeps its identifying values for the review queue, if they could be
 * read.
 */
export type TransformResult =
  | { ok: true; value: Candidate }
  | { ok: false; rejections: Rejection[]; strNumber: string | null; profession: string | null; urgent: boolean }

export interface TransformContext {
  /**
   * The page's `Date` header, in milliseconds since the epoch: KKI's clock, with which a stamp in the future is
   * detected.
   */
  sourceNow: number
  /** `KKI_MAX_SKEW`, in milliseconds. */
  maxSkewMs: number
}
