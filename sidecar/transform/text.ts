import { decodeHTMLStrict } from 'entities'

/** Printable ASCII in single blanks and without `&`: nothing to clean, which is most of what KKI sends. */
const alreadyClean = /^[!-%'-~]+(?: [!-%'-~]+)*$/

/**
 * Invisible characters that join (zero width, bidirectional marks, soft hyphen): they would hide in a name. Code points
 * that are no characters are as invisible, and XML cannot carry them.
 */
const invisible = /[\p{Cf}\p{Noncharacter_Code_Point}]+/gu

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
    .replace(invisible, '')
    .normalize('NFC')
    .replace(/\s+/g, ' ')
    .trim()
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

/** Returns `text` without diacritics (`é` becomes `e`), otherwise unchanged. */
export function foldDiacritics(text: string): string {
  return text
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .normalize('NFC')
}
