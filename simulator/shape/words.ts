import type { Tables } from '../../sidecar/transform/tables.ts'

/** Returns the word by which a description says what one of KKI's words says; `variant` chooses among several. */
export type Translate = (word: string, variant: number) => string

type Meanings = ReadonlyMap<string, string>

/**
 * Returns the translation between two tables of words. A word that means the same in both stays. One without a meaning, or
 * with one for which the other table has no word, stays as well.
 */
export function compileWords(
  ours: Readonly<Record<string, string>>,
  theirs: Readonly<Record<string, string>>
): Translate {
  return translation(new Map(Object.entries(ours)), new Map(Object.entries(theirs)), new Map(Object.entries(theirs)))
}

/** The same for professions; the words that may replace another one are the codes, and not their aliases. */
export function compileProfessionWords(ours: Tables['professions'], theirs: Tables['professions']): Translate {
  const codes = new Map(theirs.flatMap(({ code, kkiCodes }) => kkiCodes.map(word => [word, code] as const)))
  return translation(meaningsOf(ours), meaningsOf(theirs), codes)
}

function meaningsOf(professions: Tables['professions']): Meanings {
  return new Map(
    professions.flatMap(({ code, kkiCodes, aliases }) =>
      [...aliases.map(({ value }) => value), ...kkiCodes].map(word => [word, code] as const)
    )
  )
}

function translation(ours: Meanings, theirs: Meanings, choices: Meanings): Translate {
  const words = new Map<string, string[]>()
  for (const [word, meaning] of choices) words.set(meaning, [...(words.get(meaning) ?? []), word])
  return (word, variant) => {
    const meaning = ours.get(word)
    if (meaning === undefined || theirs.get(word) === meaning) return word
    const list = words.get(meaning) ?? []
    return list[variant % list.length] ?? word
  }
}
