import { decodeHTMLStrict } from 'entities'

/**
 * Sixteen decimal digits of any script, each apart from the next by at most three characters that are no letters:
 * `31.71.01.170885.0001`, `3171 – 0117 – 0885 – 0001`. Longer runs count too, and so does a number that cannot be a NIK:
 * a damaged one still belongs to somebody.
 *
 * Two numbers side by side, such as a date and a telephone number, are caught where together they have sixteen digits and
 * no word stands between them. Fillers of Hangul are letters to Unicode, but show nothing. The letters O and l typed for 0 and 1 are not read as digits, since words have them too.
 */
const identityNumber = /\p{Nd}(?:(?:[^\p{L}\p{Nd}]|[\u115f\u1160]){0,3}\p{Nd}){15}/u

/** No digit, and nothing that could become one: true of most texts, and much cheaper to find out than the rest. */
const hasNoDigit = /^[^\d\u0080-\uffff]*$/

/** Sixteen digits as base64 are 22 characters, and at least as many where other text was encoded with them. */
const base64 = /[A-Za-z0-9+/_-]{22,}/g

const jsonEscapes = /\\u([0-9a-f]{4})/gi

/**
 * Returns whether a NIK may stand somewhere in a text, which then must not be stored or logged in clear. Compatibility
 * forms (full width, circled, superscript) count as the digits that they stand for. Escapes of JSON, entities of HTML (also
 * when they were escaped twice) and base64 are undone. Hexadecimal and percent signs need nothing: they write digits as digits.
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

/** The encoded text may begin at any place of a group of four characters. */
function isEncodedNumber(word: string): boolean {
  return [0, 1, 2, 3].some(shift => identityNumber.test(Buffer.from(word.slice(shift), 'base64').toString('latin1')))
}
