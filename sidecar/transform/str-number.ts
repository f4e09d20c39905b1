import type { StrFormat } from './types.ts'

const canonicalAscii = /^[A-Z0-9]+$/
const leadingWord = /^(?:STR)+/
const acceptable = /^[A-Z0-9]{8,24}$/
const kki2004 = /^\d{16}$/
const lifetime = /^[A-Z]{2}\d{14}$/

/**
 * Returns the canonical form of an STR number: upper case, letters and digits only, a leading literal `STR` dropped.
 *
 * `31.1.1.100.2.20.999999` and `str-3111100220999999` give the same. Only ASCII letters are upper-cased, and letters of
 * other scripts stay: a Cyrillic look-alike must not become another person's number. Idempotent.
 */
export function canonicalStr(text: string): string {
  const bare = canonicalAscii.test(text)
    ? text
    : text.replace(/[^\p{L}\p{N}]+/gu, '').replace(/[a-z]+/g, letters => letters.toUpperCase())
  return bare.startsWith('STR') ? bare.replace(leadingWord, '') : bare
}

/** Returns whether a canonical STR may be one: 8 to 24 ASCII letters and digits. */
export function isStrNumber(canonical: string): boolean {
  return acceptable.test(canonical)
}

/** Returns the family of a canonical STR, for information only; it never causes a rejection. */
export function strFormatOf(canonical: string): StrFormat {
  if (kki2004.test(canonical)) return 'kki_2004'
  return lifetime.test(canonical) ? 'lifetime' : 'unknown'
}
