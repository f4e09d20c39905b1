import type { ProfessionMapping } from './tables.ts'
import { foldWord } from './text.ts'

interface Meaning {
  code: string
  from: string
  until: string
  /** The place in the mapping file. */
  path: string
}

/** As texts they sort before and after every day. */
const always = { from: '', until: '~' }

/** Returns SDMK's code for a profession word on the first of `days` on which the word is valid, or `null`. */
export type ProfessionLookup = (word: string, days: () => (string | null)[]) => string | null

/**
 * Returns a lookup of KKI's codes (valid always) and aliases (valid from and until their days), compared without case
 * and with blanks, underscores and hyphens folded.
 */
export function compileProfessions(professions: readonly ProfessionMapping[]): ProfessionLookup {
  const meanings = collectMeanings(professions)
  const undated = new Map<string, string>()
  for (const [word, list] of meanings) {
    const [only] = list
    if (list.length === 1 && only?.from === always.from && only.until === always.until) undated.set(word, only.code)
  }
  return (word, days) => {
    const plain = undated.get(word)
    if (plain !== undefined) return plain
    const folded = foldWord(word)
    return undated.get(folded) ?? dated(meanings.get(folded), days)
  }
}

/** Returns the JSON pointer of the first word with two meanings on the same day, or `null` if there is none. */
export function findOverlap(professions: readonly ProfessionMapping[]): string | null {
  for (const list of collectMeanings(professions).values()) {
    const ordered = list.toSorted((a, b) => (a.from < b.from ? -1 : 1))
    const clash = ordered.find((meaning, index) => index > 0 && meaning.from <= (ordered[index - 1]?.until ?? ''))
    if (clash !== undefined) return clash.path
  }
  return null
}

function dated(list: Meaning[] | undefined, days: () => (string | null)[]): string | null {
  if (list === undefined) return null
  for (const day of days()) {
    if (day === null) continue
    const meaning = list.find(({ from, until }) => from <= day && day <= until)
    if (meaning !== undefined) return meaning.code
  }
  return null
}

function collectMeanings(professions: readonly ProfessionMapping[]): Map<string, Meaning[]> {
  const meanings = new Map<string, Meaning[]>()
  const add = (word: string, meaning: Meaning) => {
    const folded = foldWord(word)
    const list = meanings.get(folded) ?? []
    list.push(meaning)
    meanings.set(folded, list)
  }
  for (const [index, { code, kkiCodes, aliases }] of professions.entries()) {
    for (const [at, word] of kkiCodes.entries()) {
      add(word, { code, ...always, path: `/professions/${index}/kkiCodes/${at}` })
    }
    for (const [at, { value, validFrom = always.from, validUntil = always.until }] of aliases.entries()) {
      add(value, { code, from: validFrom, until: validUntil, path: `/professions/${index}/aliases/${at}` })
    }
  }
  return meanings
}
