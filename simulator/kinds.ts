import type { RejectionCode } from '../sidecar/transform/codes.ts'

/** Ways in which one record alone is broken, and the code with which a consumer rejects it. */
export const loneBrokenKinds = {
  'not-an-object': 'SCHEMA_INVALID',
  'missing-nomor-str': 'SCHEMA_INVALID',
  'missing-nama': 'SCHEMA_INVALID',
  'missing-profesi': 'SCHEMA_INVALID',
  'missing-status-str': 'SCHEMA_INVALID',
  'missing-diubah-pada': 'SCHEMA_INVALID',
  'nik-as-number': 'SCHEMA_INVALID',
  'str-empty': 'STR_INVALID',
  'str-short': 'STR_INVALID',
  'str-equals-nik': 'STR_INVALID',
  'nik-15-digits': 'NIK_INVALID',
  'nik-month-13': 'NIK_INVALID',
  'nik-placeholder': 'NIK_INVALID',
  'name-only-title': 'NAME_MISSING',
  'birth-date-unreadable': 'DATE_INVALID',
  'birth-date-in-future': 'DATE_INVALID',
  'end-date-unreadable': 'DATE_INVALID',
  'stamp-unreadable': 'DATE_INVALID',
  'status-unknown': 'STATUS_UNKNOWN',
  'profession-unknown': 'PROFESSION_UNKNOWN'
} as const satisfies Record<string, RejectionCode>

/**
 * Ways in which a record is rejected because of another one. Both have the same profession, so that they are in one batch.
 * The correct record is the older one, so that it is known first in every order of batches.
 */
export const pairedBrokenKinds = {
  /** Two people with one STR: both records are rejected. */
  'str-of-two-people': 'STR_AMBIGUOUS',
  /** The NIK of the older record's person, under another name and birth date and a new STR. */
  'nik-of-another': 'IDENTITY_CONFLICT',
  /** Name, birthplace and birth date of the older record's person, without a NIK and under a new STR. */
  'possible-duplicate': 'POSSIBLE_DUPLICATE'
} as const satisfies Record<string, RejectionCode>

export const brokenKinds = { ...loneBrokenKinds, ...pairedBrokenKinds } as const

export const goodKinds = [
  'ordinary',
  /** A foreign national: no NIK, two years of validity. */
  'foreign',
  /** Suspended, inactive, revoked, deceased or expired; nothing else is known of its person. */
  'ended',
  /** The older half of `nik-of-another` and `possible-duplicate`. */
  'known-person',
  'first-registration',
  /** Same person and NIK under a new STR, active, in another profession. */
  'second-registration',
  /** Same person, NIK and profession under a new STR that has ended. */
  'second-registration-ended',
  /** One person under one STR in two professions. */
  'shared-str',
  /** An older copy of the record that follows it, same STR and profession. */
  'superseded',
  'superseding'
] as const

export type LoneBrokenKind = keyof typeof loneBrokenKinds
export type PairedBrokenKind = keyof typeof pairedBrokenKinds
export type BrokenKind = LoneBrokenKind | PairedBrokenKind
export type GoodKind = (typeof goodKinds)[number]
export type Kind = BrokenKind | GoodKind

/** Returns whether records of this kind are always rejected. */
export function isBrokenKind(kind: Kind): kind is BrokenKind {
  return Object.hasOwn(brokenKinds, kind)
}
