/** Codes of rejections. Each has its page in `contracts/codes.yaml`, compared by a test. */
export const rejectionCodes = [
  'SCHEMA_INVALID',
  'STR_INVALID',
  'NIK_INVALID',
  'NAME_MISSING',
  'DATE_INVALID',
  'STATUS_UNKNOWN',
  'PROFESSION_UNKNOWN',
  'STR_INACTIVE',
  'STR_AMBIGUOUS',
  'IDENTITY_CONFLICT',
  'POSSIBLE_DUPLICATE',
  'NAME_DIFFERS',
  'UNMATCHED',
  'LICENCE_OF_ERASED',
  'DEACTIVATION_STALE',
  'ROW_FAULT'
] as const

/** Codes of warnings about accepted rows. Warnings are stored with the record and reject nothing. */
export const warningCodes = [
  'FIELD_IGNORED',
  'STALE',
  'STR_FORMAT_UNKNOWN',
  'NIK_IGNORED',
  'NIK_REGION_UNKNOWN',
  'NIK_BIRTH_DATE_DIFFERS',
  'NIK_SEX_DIFFERS',
  'NIK_SERIAL_ZERO',
  'BIRTH_PLACE_PERIOD',
  'NAME_CHANGED',
  'NAME_IGNORED',
  'VALUE_KEPT'
] as const

export type RejectionCode = (typeof rejectionCodes)[number]
export type WarningCode = (typeof warningCodes)[number]
