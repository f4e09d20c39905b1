import { decodeHTMLStrict } from 'entities'

/** Printable ASCII in single blanks and without `&`: nothing to clean, which is most of what KKI sends. */
const alreadyClean = /^[!-%'-~]+(?: [!-%'-~]+)*$/

/** The same without digits, which no identity number can stand in. */
const alreadyCleanWords = /^[!-%'-/:-~]+(?: [!-%'-/:-~]+)*$/

/**
 * Zero-width and bidirectional marks, variation selectors, soft hyphens: nobody sees them, and they would hide in a name.
 * Code points that are no characters are as invisible, and XML cannot carry them.
 */
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]+/gu

/**
 * Characters that take room and show nothing: the fillers among the letters, the blank patterns of braille, music and
 * hieroglyphs. Unicode has a property for the fillers only.
 */
const fillers = /[[\p{L}&&\p{Default_Ignorable_Code_Point}]\u2800\u{1d159}\u{16fe4}\u{13441}\u{13442}]+/gv

/** Signs that people type where a name has an apostrophe: quotation marks, modifier letters, accents that stand alone, primes. */
const apostrophes = String.raw`\p{Quotation_Mark}\p{Lm}\p{Sk}\u2032-\u2037\u2057\u055a\u05f3\u05f4\ua78b\ua78c`
/** Signs that people type where a name has a hyphen. */
const hyphens = String.raw`\p{Dash}\u2043`

const apostrophe = new RegExp(`[${apostrophes}]+`, 'gu')
const apostropheOrHyphen = new RegExp(`[${apostrophes}${hyphens}]+`, 'gu')

const controls = /\p{Cc}+/gu

/**
 * Returns `text` trimmed, with HTML entities decoded, control characters turned into blanks, lone surrogates into
 * U+FFFD, without invisible characters and noncharacters, in Unicode NFC and with inner white space folded into single
 * blanks. Every receiver can carry the result (`isPortable`).
 */
export function cleanText(text: string): string {
  if (alreadyClean.test(text)) return text
  return decodeEntities(text)
    .toWellFormed()
    .replace(controls, ' ')
    .replace(fillers, ' ')
    .replace(invisible, '')
    .normalize('NFC')
    .replace(/\s+/g, ' ')
    .trim()
}

/** Returns whether `cleanText` would change nothing and `text` has no digit, in one look at it. */
export function isCleanWords(text: string): boolean {
  return alreadyCleanWords.test(text)
}

/** Twice, because pages that escape what was escaped already are common (`&amp;#039;`). */
function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return decodeHTMLStrict(decodeHTMLStrict(text))
}

/** Returns a code word as it is compared: upper case, runs of blanks, underscores and hyphens as one underscore. */
export function foldWord(text: string): string {
  return text
    .toUpperCase()
    .replace(/[\s_-]+/g, '_')
    .replace(/^_|_$/g, '')
}

/** Returns `text` without apostrophes, in any of the signs that people type for one. */
export function dropApostrophes(text: string): string {
  return text.replace(apostrophe, '')
}

/** Returns `text` without apostrophes and hyphens, in any of the signs that people type for them. */
export function dropApostrophesAndHyphens(text: string): string {
  return text.replace(apostropheOrHyphen, '')
}

/**
 * Returns `text` with compatibility forms as plain letters (full width, ligatures) and without diacritics. Keyboards and
 * older systems lose accents, so `José` and `Jose` must be compared as equal.
 */
export function foldDiacritics(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC')
}
