import { decodeHTMLStrict } from 'entities'

/**
 * Sixteen decimal digits of any script, with at most three characters between two digits that are not letters:
 * `31.71.01.170885.0001`, `3171 – 0117 – 0885 – 0001`. Longer runs count too, and so does a number that cannot be a NIK: a
 * damaged one is still personal data.
 *
 * Two adjacent numbers, such as a date and a telephone number, match if together they have sixteen digits and no word is
 * between them. Hangul fillers are letters in Unicode, but invisible. The letters O and l, typed for 0 and 1, are not read
 * as digits, since words contain them too.
 */
const identityNumber = /\p{Nd}(?:(?:[^\p{L}\p{Nd}]|[\u115f\u1160]){0,3}\p{Nd}){15}/u

/** True if a text has no digit and no character that could become one. Most texts pass this cheap check. */
const hasNoDigit = /^[^\d\u0080-\uffff]*$/

/** Sixteen digits in base64 are 22 characters or more, also if other text was encoded with them. */
const base64 = /[A-Za-z0-9+/_-]{22,}/g

const jsonEscapes = /\\u([0-9a-f]{4})/gi

/**
 * Returns whether a text may contain a NIK, and so must not be stored or logged in clear. Compatibility forms (full width,
 * circled, superscript) count as digits. JSON escapes, HTML entities (even escaped twice) and base64 are decoded.
 * Hexadecimal and percent encoding need no decoding, since they leave digits unchanged.
 */
export function holdsIdentityNumber(text: string): boolean {
  if (hasNoDigit.test(text)) return false
  if (hasDigits(text)) return true
  if (text.includes('\\u') && hasDigits(text.replace(jsonEscapes, fromHex))) return true
  if (text.includes('&') && hasDigits(decodeHTMLStrict(decodeHTMLStrict(text)))) return true
  return text.length >= 22 && (text.match(base64) ?? []).some(isEncodedNumber)
}

function hasDigits(text: string): boolean {
  return identityNumber.test(text.normalize('NFKC'))
}

function fromHex(_escape: string, hex: string): string {
  return String.fromCharCode(Number.parseInt(hex, 16))
}

/** The encoded text may begin at any position within a group of four characters. */
function isEncodedNumber(word: string): boolean {
  return [0, 1, 2, 3].some(shift => identityNumber.test(Buffer.from(word.slice(shift), 'base64').toString('latin1')))
}
