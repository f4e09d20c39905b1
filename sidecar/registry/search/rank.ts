import { distance } from '../../platform/closest.ts'

/** A likeness below this may be chance, such as one equal word of two. */
export const leastLikeness = 0.6

/** Weight of the sought words. They count more, because a caller often omits words of the stored name. */
const soughtShare = 0.75

/** Shorter words than this count less, because short words resemble each other by chance. */
const fullLength = 4

/** Two words written as one may differ in a letter from this length on. Shorter ones must be equal. */
const longWhole = 8

interface Word {
  text: string
  plain: string
  weight: number
}

/** Corresponding words of the two names: one and one, or two and one. */
interface Pair {
  sought: number[]
  stored: number[]
  /** How well they agree, from 0 to 1. */
  agrees: number
}

/**
 * Returns a function that compares a stored name with the sought one. Its result, from 0 to 1, is the share of words in each
 * name that have a counterpart in the other. Misspelt words, initials and abbreviations count in part.
 *
 * Comparisons of words are cached, because thousands of stored names share the same few words.
 */
export function createLikeness(soughtKey: string): (storedKey: string) => number {
  const wordOf = memoize(toWord)
  const sought = soughtKey.split(' ').map(wordOf)
  const agreements = sought.map(word => memoize((text: string) => agreement(word, wordOf(text))))

  return storedKey => {
    if (soughtKey === storedKey) return 1
    const stored = storedKey.split(' ').map(wordOf)
    const pairs: Pair[] = []
    for (const [i, agreesWith] of agreements.entries()) {
      for (const [j, { text }] of stored.entries()) {
        const agrees = agreesWith(text)
        if (agrees > 0) pairs.push({ sought: [i], stored: [j], agrees })
      }
    }
    for (const { whole, parts, agrees } of wholes(sought, stored))
      pairs.push({ sought: [whole], stored: parts, agrees })
    for (const { whole, parts, agrees } of wholes(stored, sought))
      pairs.push({ sought: parts, stored: [whole], agrees })
    pairs.sort((a, b) => b.agrees - a.agrees)
    const agreesOfSought: number[] = sought.map(() => 0)
    const agreesOfStored: number[] = stored.map(() => 0)
    for (const pair of pairs) {
      if (pair.sought.some(i => agreesOfSought[i] !== 0) || pair.stored.some(j => agreesOfStored[j] !== 0)) continue
      for (const i of pair.sought) agreesOfSought[i] = pair.agrees
      for (const j of pair.stored) agreesOfStored[j] = pair.agrees
    }
    // Only equal keys have a likeness of 1.
    return Math.min(
      0.999,
      soughtShare * shareOf(sought, agreesOfSought) + (1 - soughtShare) * shareOf(stored, agreesOfStored)
    )
  }
}

function memoize<T>(work: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return text => {
    let value = known.get(text)
    if (value === undefined) {
      value = work(text)
      known.set(text, value)
    }
    return value
  }
}

function toWord(text: string): Word {
  return { text, plain: plainSpelling(text), weight: Math.min(text.length, fullLength) / fullLength }
}

function shareOf(words: readonly Word[], agrees: readonly number[]): number {
  const whole = words.reduce((sum, { weight }) => sum + weight, 0)
  return words.reduce((sum, { weight }, i) => sum + weight * (agrees[i] ?? 0), 0) / whole
}

/** Finds words that are two words of the other name written as one, such as `Nurhayati` for `Nur Hayati`. */
function wholes(words: readonly Word[], others: readonly Word[]): { whole: number; parts: number[]; agrees: number }[] {
  const found: ReturnType<typeof wholes> = []
  for (const [whole, { plain }] of words.entries()) {
    for (const [i, first] of others.entries()) {
      for (const [j, second] of others.entries()) {
        // Two equal letters at the joint become one, and the `l` of `Abdul Rahman` becomes an `r`.
        const surplus = first.plain.length + second.plain.length - plain.length
        if (i === j || surplus < -1 || surplus > 2 || first.plain[0] !== plain[0]) continue
        const joined = plainSpelling(first.text + second.text)
        const isClose = Math.min(plain.length, joined.length) >= longWhole && distance(plain, joined) === 1
        if (joined === plain || isClose) found.push({ whole, parts: [i, j], agrees: joined === plain ? 0.95 : 0.88 })
      }
    }
  }
  return found
}

function agreement(a: Word, b: Word): number {
  if (a.text === b.text) return 1
  if (a.plain === b.plain) return 0.97
  if (oldSpelling(a) === oldSpelling(b) || isOpenedAlike(a, b)) return 0.95
  const [shorter, longer] = a.plain.length <= b.plain.length ? [a.plain, b.plain] : [b.plain, a.plain]
  if (shorter.length === 1) return longer.startsWith(shorter) ? 0.7 : 0
  const share = 1 - distance(shorter, longer) / longer.length
  // `Abd` and `Kusum` are the beginning of a word; `St` and `Mhd` are its consonants.
  const isCut = shorter.length >= 3 ? longer.startsWith(shorter) : isOfConsonants(shorter, longer)
  return Math.max(isCut ? 0.8 : 0, share >= 0.6 ? 0.95 * share : 0)
}

function isOfConsonants(short: string, long: string): boolean {
  const consonants = long.slice(1).replace(/[AEIOU]/g, '')
  return !/[AEIOU]/.test(short) && short[0] === long[0] && consonants.startsWith(short.slice(1))
}

/** Until the spelling reform of 1972, the sound of y was written j. */
const oldSpelling = ({ plain }: Word) => plain.replaceAll('J', 'I')

/** True if a word begins with `kh` or `ch`, and both are equal without a first `kh`, `ch`, `h`, `k` or `c`. */
function isOpenedAlike(a: Word, b: Word): boolean {
  if (!/^[CK]H/.test(a.text) && !/^[CK]H/.test(b.text)) return false
  const rest = (word: string) => plainSpelling(word.replace('TJ', 'C').replace(/^(?:[CK]H?|H)/, ''))
  return rest(a.text) === rest(b.text)
}

/** Returns one spelling for words that sound alike: today's letters, no doubled ones, `i` for `y`, no `h` after the first. */
function plainSpelling(word: string): string {
  return word
    .replaceAll('OE', 'U')
    .replaceAll('DJ', 'J')
    .replaceAll('TJ', 'C')
    .replace(/(?<=.)[CK]?H/g, '')
    .replace(/[FV]/g, 'P')
    .replaceAll('Q', 'K')
    .replaceAll('Z', 'S')
    .replaceAll('Y', 'I')
    .replace(/(.)\1+/g, '$1')
}
