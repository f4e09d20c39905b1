import type { Tables } from '../../sidecar/transform/tables.ts'

/** Returns a description's word with the same meaning as one of KKI's words; `variant` chooses one of several. */
export type Translate = (word: string, variant: number) => string

type Meanings = ReadonlyMap<string, string>

/**
 * Returns a translation between two tables of words. A word that means the same in both is not changed. A word that has no
 * meaning, or whose meaning has no word in the other table, is not changed either.
 */
export function compileWords(
  ours: Readonly<Record<string, string>>,
  theirs: Readonly<Record<string, string>>
): Translate {
  return translation(new Map(Object.entries(ours)), new Map(Object.entries(theirs)), new Map(Object.entries(theirs)))
}

/** The same for professions. The result is always a code of the other table, never an alias. */
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
