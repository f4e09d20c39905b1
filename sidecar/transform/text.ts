import { decodeHTMLStrict } from 'entities'

/** Words of printable ASCII without `&`, with single blanks between them. Most texts of KKI are so, and need no cleaning. */
const alreadyClean = /^[!-%'-~]+(?: [!-%'-~]+)*$/

/** The same without digits, so that it cannot contain an identity number. */
const alreadyCleanWords = /^[!-%'-/:-~]+(?: [!-%'-/:-~]+)*$/

/**
 * Zero-width and bidirectional marks, variation selectors, soft hyphens: they are invisible and would stay hidden in a name.
 * Noncharacters are invisible too, and XML cannot represent them.
 */
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]+/gu

/**
 * Characters that look like a blank but are none: filler letters, and empty patterns of braille, music and hieroglyphs.
 * Unicode has a property only for the filler letters.
 */
const fillers = /[[\p{L}&&\p{Default_Ignorable_Code_Point}]\u2800\u{1d159}\u{16fe4}\u{13441}\u{13442}]+/gv

/** Signs that people type instead of an apostrophe: quotation marks, modifier letters, separate accents, primes. */
const apostrophes = String.raw`\p{Quotation_Mark}\p{Lm}\p{Sk}\u2032-\u2037\u2057\u055a\u05f3\u05f4\ua78b\ua78c`
/** Signs that people type instead of a hyphen. */
const hyphens = String.raw`\p{Dash}\u2043`

const apostrophe = new RegExp(`[${apostrophes}]+`, 'gu')
const apostropheOrHyphen = new RegExp(`[${apostrophes}${hyphens}]+`, 'gu')

const controls = /\p{Cc}+/gu

/**
 * Returns a text that every receiver can represent (`isPortable`). HTML entities are decoded. Control characters become blanks,
 * and lone surrogates U+FFFD. Invisible characters and noncharacters are removed. The result is in Unicode NFC, trimmed, with
 * single blanks.
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

/** True for a text without digits that `cleanText` would not change. It may be false for some of them, to be fast. */
export function isCleanWords(text: string): boolean {
  return alreadyCleanWords.test(text)
}

/** Decodes twice, because double escaping is common (`&amp;#039;`). */
function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return decodeHTMLStrict(decodeHTMLStrict(text))
}

/** Returns a code word in the form for comparison: upper case, with one underscore for blanks, underscores and hyphens. */
export function foldWord(text: string): string {
  return text
    .toUpperCase()
    .replace(/[\s_-]+/g, '_')
    .replace(/^_|_$/g, '')
}

/** Removes apostrophes in all their spellings. */
export function dropApostrophes(text: string): string {
  return text.replace(apostrophe, '')
}

/** Removes apostrophes and hyphens in all their spellings. */
export function dropApostrophesAndHyphens(text: string): string {
  return text.replace(apostropheOrHyphen, '')
}

/**
 * Removes diacritics, and replaces compatibility forms (full width, ligatures) with plain letters. Keyboards and older
 * systems lose accents, so `José` and `Jose` must be equal in comparisons.
 */
export function foldDiacritics(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC')
}
