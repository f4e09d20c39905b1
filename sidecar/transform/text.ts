import { decodeHTMLStrict } from 'entities'

/** Printable ASCII in single blanks and without `&`: no cleaning needed; true of most texts of KKI. */
const alreadyClean = /^[!-%'-~]+(?: [!-%'-~]+)*$/

/** The same without digits, so that it cannot contain an identity number. */
const alreadyCleanWords = /^[!-%'-/:-~]+(?: [!-%'-/:-~]+)*$/

/**
 * Zero-width and bidirectional marks, variation selectors, soft hyphens: they are invisible and would stay hidden in a name.
 * Noncharacters are invisible too, and XML cannot represent them.
 */
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]+/gu

/**
 * Blank characters that have a width: the fillers among the letters, the blank patterns of braille, music and hieroglyphs.
 * Unicode has a property only for the fillers.
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
 * blanks. Every receiver can represent the result (`isPortable`).
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

/** Returns whether `cleanText` would change nothing and `text` has no digit, with one regular expression. */
export function isCleanWords(text: string): boolean {
  return alreadyCleanWords.test(text)
}

/** Twice, because double escaping is common (`&amp;#039;`). */
function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return decodeHTMLStrict(decodeHTMLStrict(text))
}

/** Returns the comparison form of a code word: upper case, runs of blanks, underscores and hyphens as one underscore. */
export function foldWord(text: string): string {
  return text
    .toUpperCase()
    .replace(/[\s_-]+/g, '_')
    .replace(/^_|_$/g, '')
}

/** Returns `text` without apostrophes, in all their spellings. */
export function dropApostrophes(text: string): string {
  return text.replace(apostrophe, '')
}

/** Returns `text` without apostrophes and hyphens, in all their spellings. */
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
