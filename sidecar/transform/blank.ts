import type { MappedField, Mapping } from './mapping.ts'
import { foldWord } from './text.ts'

/** Returns whether a cleaned text has no content: it has neither letter nor digit, or is a word for "unknown". */
export type BlankTest = (text: string) => boolean

/**
 * Returns the test for texts of one field. A word that the mapping gives a meaning in this field is never blank there.
 *
 * Words are compared without case, blanks and signs. A slash counts: `N/A` has no content, and Na is a name.
 */
export function compileBlankTest(mapping: Mapping, field: MappedField): BlankTest {
  const meaningful = new Set(wordsWithMeaning(mapping, field).map(foldWord))
  const unknown = [
    ...(mapping.unknownWords ?? []),
    ...(field === 'name' ? [] : (mapping.unknownWordsOutsideNames ?? []))
  ].filter(word => !meaningful.has(foldWord(word)))
  const words = new Set(unknown.map(fold))
  const first = lettersOf(words)
  return text => {
    // This runs for every text of every row. Nearly all texts differ from each word in the first three letters.
    let letters = first
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      const next = letters.get(code)
      if (next) letters = next
      else if (code > 0x7f) break
      else if (isLetterOrDigit(code)) return false
    }
    const folded = fold(text)
    return words.has(folded) || !/[\p{L}\p{N}]/u.test(folded)
  }
}

function wordsWithMeaning(mapping: Mapping, field: MappedField): string[] {
  switch (field) {
    case 'status':
      return Object.keys(mapping.statusWords)
    case 'sex':
      return Object.keys(mapping.sexWords)
    case 'validUntil':
      return mapping.lifetimeWords
    case 'profession':
      return mapping.professions.flatMap(({ kkiCodes, aliases }) => [...kkiCodes, ...aliases.map(({ value }) => value)])
    default:
      return []
  }
}

function fold(text: string): string {
  return text.toUpperCase().replace(/[^\p{L}\p{N}/#]+/gu, '')
}

/** The letters and digits that may come next, in both cases, each with its successors. */
type Letters = Map<number, Letters>

function lettersOf(words: ReadonlySet<string>): Letters {
  const root: Letters = new Map()
  for (const word of words) {
    let letters = root
    for (const letter of word.replace(/[/#]/g, '')) {
      const next: Letters = letters.get(letter.charCodeAt(0)) ?? new Map()
      letters.set(letter.charCodeAt(0), next).set(letter.toLowerCase().charCodeAt(0), next)
      letters = next
    }
  }
  return root
}

function isLetterOrDigit(code: number): boolean {
  const lower = code | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || (code >= 0x30 && code <= 0x39)
}
