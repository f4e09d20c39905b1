import type { WarningCode } from './codes.ts'
import type { Sex } from './types.ts'

/** Why a text cannot be a NIK. */
export type NikFault = 'length' | 'rounded' | 'placeholder' | 'month' | 'day' | 'date'

const sixteenDigits = /^\d{16}$/
/** Long numbers in the form of spreadsheets: `3.27302E+15`, or with a comma. */
const scientific = /^\d(?:[.,]\d+)?E\+?\d+$/i
const oneDigit = /^(\d)\1{15}$/
const keyboardRow = '1234567890123456'

/** The birth day of women has 40 added. */
const womenOffset = 40
/** February has 29: with two digits of the year, 00 may be 2000, so every fourth year may be a leap year. */
const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/**
 * Provinces of Kemendagri, old and new ones (91-96 are Papua before and after its split), then 01-79 for regencies and
 * cities. People keep the NIK of their first registration, so former codes still occur.
 */
const knownRegion = /^(?:1[1-9]|21|3[1-6]|5[1-3]|6[1-5]|7[1-6]|8[12]|9[1-6])(?:0[1-9]|[1-7]\d)/

/** Returns whether a canonical STR is or contains a possible NIK of a person who was born on `birthDate`. */
export function holdsNikOf(birthDate: string | null, canonicalStr: string): boolean {
  if (birthDate === null) return false
  for (let at = 0; at + 16 <= canonicalStr.length; at++) {
    const digits = canonicalStr.slice(at, at + 16)
    if (nikFault(digits) === null && agreesOnBirth(digits, birthDate)) return true
  }
  return false
}

/** Returns whether a text is a rounded number in the form of spreadsheets; no STR has a plus sign. */
export function isRounded(text: string): boolean {
  return /^\d(?:[.,]\d+)?E\+\d+$/i.test(text)
}

/** Returns why `nik` is unusable, or `null` if it may be a NIK. A NIK has no check digit. */
export function nikFault(nik: string): NikFault | null {
  if (!sixteenDigits.test(nik)) return scientific.test(nik) ? 'rounded' : 'length'
  if (nik === keyboardRow || oneDigit.test(nik)) return 'placeholder'
  const month = digits(nik, 8)
  const days = daysOfMonth[month - 1]
  if (days === undefined) return 'month'
  const code = digits(nik, 6)
  const day = code > womenOffset ? code - womenOffset : code
  if (day < 1 || day > 31) return 'day'
  const leap = digits(nik, 10) % 4 === 0
  return day > (month === 2 && !leap ? 28 : days) ? 'date' : null
}

/**
 * Adds warnings about a valid NIK. They are evidence and never proof: a NIK stays when a birth date is corrected, and its
 * region is that of the first registration.
 *
 * @param birthDate `YYYY-MM-DD`, `null` if unknown
 */
export function warnAboutNik(nik: string, birthDate: string | null, sex: Sex | null, warnings: WarningCode[]): void {
  if (!knownRegion.test(nik)) warnings.push('NIK_REGION_UNKNOWN')
  if (birthDate !== null && !agreesOnBirth(nik, birthDate)) warnings.push('NIK_BIRTH_DATE_DIFFERS')
  const isWoman = digits(nik, 6) > womenOffset
  if (sex !== null && isWoman !== (sex === 'female')) warnings.push('NIK_SEX_DIFFERS')
  if (nik.endsWith('0000')) warnings.push('NIK_SERIAL_ZERO')
}

/** Returns whether a NIK contains this birth date. */
function agreesOnBirth(nik: string, birthDate: string): boolean {
  const code = digits(nik, 6)
  const day = code > womenOffset ? code - womenOffset : code
  return (
    day === digits(birthDate, 8) && digits(nik, 8) === digits(birthDate, 5) && digits(nik, 10) === digits(birthDate, 2)
  )
}

function digits(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48
}
