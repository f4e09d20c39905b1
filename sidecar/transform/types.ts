import type { RegistrationStatus } from '../registration-terms.ts'
import type { RejectionCode, WarningCode } from './codes.ts'

/** Where one KKI record stood: its batch-wide number, its page and its place in that page; all count from 1. */
export interface RowPosition {
  rowNo: number
  page: number
  pageRow: number
}

/** Why a record was refused. `instancePath` points into the raw record (RFC 6901); `params` never hold its values. */
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
 * Dates are `YYYY-MM-DD`; `changedAt` is an ISO instant in UTC with milliseconds. `null` means that KKI did not say.
 */
export interface Candidate {
  /** Canonical STR: upper case, letters and digits only, a leading literal `STR` dropped. */
  strNumber: string
  /** As KKI wrote it, trimmed. */
  strRaw: string
  strFormat: StrFormat
  /** Sixteen digits in clear. Lives in memory only: staging stores its digest and its sealed form. */
  nik: string | null
  /** Core name as KKI spelled it, titles taken off. */
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
  /** 32 hex digits over everything above but the NIK; `changedAt` and the warnings are part of it. */
  contentHash: string
  /**
   * True where the row has problems that would refuse it, yet carries an ending (a listed inactive status) of a valid
   * STR: if the STR belongs to exactly one known person, status, end date and stamp are applied all the same, otherwise
   * the row is refused for `problems`.
   */
  endingOnly: boolean
  problems: Rejection[]
}

/**
 * A person as SDMK's own files tell of them: the licence may be missing, and the values are SDMK's own, so `personAt` is
 * later, and `changedAt` (`-infinity`) earlier, than any stamp of KKI's.
 */
export type OwnCandidate = Omit<Candidate, LicenceField> & { [Field in LicenceField]: Candidate[Field] | null } & {
  personAt: 'infinity'
}
type LicenceField = 'strNumber' | 'strRaw' | 'strFormat' | 'profession' | 'sourceStatus'

/** What became of one raw record. A refused one keeps what identifies it on the desk, where that could be read. */
export type TransformResult =
  | { ok: true; value: Candidate }
  | { ok: false; rejections: Rejection[]; strNumber: string | null; profession: string | null; urgent: boolean }

export interface TransformContext {
  /** The page's `Date` header, in milliseconds since the epoch: KKI's clock, by which a stamp in the future is judged. */
  sourceNow: number
  /** `KKI_MAX_SKEW`, in milliseconds. */
  maxSkewMs: number
}
