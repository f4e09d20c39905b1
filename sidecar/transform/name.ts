import { dropApostrophesAndHyphens, foldDiacritics } from './text.ts'
import {
  foldTitle,
  isAlsoName,
  isBareSuffixTitle,
  isConsultantTitle,
  isCorps,
  isInitialTitle,
  isPrefixTitle,
  isSuffixTitle,
  isTitleAnywhere,
  isTitleToken,
  mayBeginWithTitle,
  mayEndTitle,
  mayOpenTitle,
  mergeTitles,
  rankOf
} from './titles.ts'

export interface PersonName {
  /** The core name in its original spelling, without titles; empty if only titles were given. */
  name: string
  titlePrefix: string | null
  titleSuffix: string | null
}

/**
 * Splits a name into core name and titles; titles from separate fields come first, then those in the name.
 *
 * `Prof. DR. dr. H. Moch. Joesoef, Sp.PD-KGEH, M.Kes` gives `Moch. Joesoef`. All texts are already clean. `H.` stays in
 * `H. Simatupang`: it is Haji or the first letter of a name, and no context decides.
 */
export function splitName(text: string, givenPrefix: string | null, givenSuffix: string | null): PersonName {
  const [head = '', ...tail] = text.split(',')
  const words = wordsOf(head)
  const before = takePrefixes(words, givenPrefix)
  const behind = takeSuffixes(words)
  for (const part of tail.map(item => item.trim()).filter(item => item !== '')) {
    if (isTitlePart(part) || (behind.length > 0 && isConsultantTitle(part))) {
      behind.push(part)
      continue
    }
    // `dr., Siti` and `Santoso, dr. Budi`: a name follows the comma, perhaps with its own titles.
    const more = wordsOf(part)
    before.push(...takePrefixes(more, givenPrefix))
    const titles = takeSuffixes(more)
    words.push(...more)
    behind.push(...titles)
  }
  if (words.length > 2) takeInner(words, before, behind)
  const core = words.join(' ').replace(/^[\s.,-]+|(?<![\s,-])[\s,-]+$/g, '')
  return {
    name: /\p{L}/u.test(core) ? core : (takeName(before) ?? takeName(behind) ?? ''),
    titlePrefix: mergeTitles(titlesOf(givenPrefix, ' '), before, ' '),
    titleSuffix: mergeTitles(titlesOf(givenSuffix, ','), behind, ', ')
  }
}

/** Spellings of Muhammad that leave no doubt; a bare `M` could be Maria. */
const muhammad = /^M(?:(?:U|O|OE)(?:H|CH|KH)(?:AMM?[AE][DT]|D)?|HD)$/

/** A key of plain words needs none of the folding. */
const plain = /^[A-Z]+(?: [A-Z]+)*$/

/**
 * Returns the comparison key of a name: without titles, apostrophes, hyphens and diacritics, other punctuation as a
 * blank, in upper case, Muhammad in one spelling, unique words in order. Empty if no letter is left. The key of a key is
 * that key, unless it starts with a name that is also a title (`HAJI`).
 */
export function nameKey(name: string): string {
  return coreKey(splitName(name, null, null).name)
}

/** Returns the key of a name without titles from `splitName`: the same as `nameKey`, for half the work. */
export function coreKey(name: string): string {
  const upper = name.toUpperCase()
  const folded = plain.test(upper)
    ? upper
    : dropApostrophesAndHyphens(foldDiacritics(dropApostrophesAndHyphens(upper)).toUpperCase())
        .replace(/[^\p{L}\p{N}]+/gu, ' ')
        .trim()
  if (!/\p{L}/u.test(folded)) return ''
  const tokens = folded.split(' ').map(token => (token.startsWith('M') && muhammad.test(token) ? 'MUHAMMAD' : token))
  // After sorting, a title within the name could become the first or last word.
  const core = tokens.filter(token => !isTitleToken(token))
  const unique = core.length > 1 ? [...new Set(core)].sort() : core
  return unique.length === 1 && isInitialTitle(unique[0] as string) ? '' : unique.join(' ')
}

/**
 * Returns whether two name keys may be of one person: equal, or one has all words of the other and they share at least two.
 * The plan applies the same rule in SQL (`sdmk.names_compatible`).
 */
export function namesCompatible(keyA: string, keyB: string): boolean {
  if (keyA === keyB) return true
  const a = keyA.split(' ')
  const b = keyB.split(' ')
  const [shorter, longer] = a.length <= b.length ? [a, b] : [b, a]
  return shorter.length >= 2 && shorter.every(token => longer.includes(token))
}

function takePrefixes(words: string[], given: string | null): string[] {
  const taken: string[] = []
  if (!mayBeginWithTitle(words[0] ?? '')) return taken
  // Titles if another title follows (`H. dr. Budi`), otherwise perhaps the first letters of a name.
  let doubtful: string[] = []
  for (let word = words[0]; word !== undefined; word = words[0]) {
    // `dr.Siti`: title and name without a blank between them.
    const [, title, more] = (word.includes('.') && /^([A-Za-z]{1,8})\.(\p{L}.*)$/u.exec(word)) || []
    if (title && more && !isPrefixTitle(word) && isPrefixTitle(title)) {
      words.splice(0, 1, more)
      taken.push(...doubtful, `${title}.`)
    } else if (isPrefixTitle(word)) {
      words.shift()
      taken.push(...doubtful, word, ...takeCorps(words))
    } else if (isInitialTitle(word)) {
      words.shift()
      doubtful.push(word)
      continue
    } else if (rankOf(word)?.isName && isRankBefore(words[1])) {
      words.shift()
      taken.push(...doubtful, word, ...takeCorps(words))
    } else break
    doubtful = []
  }
  if (doubtful.length > 0) {
    const isTitle =
      !words.some(word => /\p{L}/u.test(word)) ||
      (doubtful.at(-1)?.endsWith('.') && muhammad.test(foldTitle(words[0] as string))) ||
      titlesOf(given, ' ').some(title => foldTitle(title) === foldTitle(doubtful.join('')))
    if (isTitle) taken.push(...doubtful)
    else words.unshift(...doubtful)
  }
  return taken
}

/** True if the word after `Mayor`, which is also a name, shows that it is the rank. */
function isRankBefore(next: string | undefined): boolean {
  return next !== undefined && (isCorps(next) || isPrefixTitle(next))
}

/** Removes the corps that follows a rank: `Kapten Ckm (K)`. */
function takeCorps(words: string[]): string[] {
  const taken: string[] = []
  while (words.length > 1 && isCorps(words[0] as string)) taken.push(words.shift() as string)
  return taken
}

/** Removes titles between words of the name: `Siti S.Kep. Aminah`, `Siti Hj. Aminah`. */
function takeInner(words: string[], before: string[], behind: string[]): void {
  for (let at = 1; at < words.length - 1; at++) {
    const word = words[at] as string
    if (isTitleAnywhere(word)) {
      words.splice(at, 1)
      ;(isPrefixTitle(word) ? before : behind).push(word)
      at--
    } else if (word.includes('.')) {
      for (let length = Math.min(longestTitle, words.length - 1 - at); length > 0; length--) {
        const title = words.slice(at, at + length).join(' ')
        // Two letters are initials between names (`Siti S.E. Aminah`), and `Sp.` may be an abbreviated name before an `A`.
        const folded = foldTitle(title)
        if (folded.length < 3 || (folded.length === 3 && /^sp[. ]/i.test(title))) continue
        if (!mayEndTitle(words[at + length - 1] as string) || !isBareSuffixTitle(title)) continue
        words.splice(at, length)
        behind.push(title)
        at--
        break
      }
    }
  }
}

/** Removes from the titles the last one that may be the name, and returns it: `Haji, S.Kep` has no other. */
function takeName(titles: string[]): string | undefined {
  const at = titles.findLastIndex(isAlsoName)
  return at < 0 ? undefined : titles.splice(at, 1)[0]
}

/** Most words of a title: `A. Md. Keb`. */
const longestTitle = 3

/** Removes titles at the end of the words; the last word stays unless it has a dot and can only be a title. */
function takeSuffixes(words: string[]): string[] {
  const taken: string[] = []
  if (!mayEndTitle(words.at(-1) ?? '')) return taken
  for (let length = Math.min(longestTitle, words.length); length > 0; length--) {
    if (length > 1 && !mayOpenTitle(words.at(-length) as string)) continue
    const last = words.slice(-length).join(' ')
    if (length === words.length && !last.includes('.')) continue
    const isTitle = length === 1 && words.length > 1 && isTitleAnywhere(last)
    if (!isTitle && !isBareSuffixTitle(last) && !isCapitalTitle(last, words[0] ?? '')) continue
    words.splice(-length)
    taken.unshift(last)
    length = Math.min(longestTitle, words.length) + 1
  }
  return taken
}

/**
 * True for two capital letters after a name that is not in capitals (`Budi SE`); in `BUDI SE` they could be its last
 * word.
 */
function isCapitalTitle(last: string, first: string): boolean {
  return isSuffixTitle(last) && /^[A-Z]{2,}$/.test(last) && /\p{Ll}/u.test(first)
}

/** True if a part between commas contains only titles: `S.Kep`, `S.Kep Ners`, `Sp.PD (K)`. */
function isTitlePart(part: string): boolean {
  if (isSuffixTitle(part)) return true
  const words = part.split(' ')
  const [first = '', second = ''] = words
  // `Budi, Mayor Ckm`
  if (rankOf(first) !== null && isCorps(second)) return words.slice(2).every(isCorps)
  return words.every(word => isSuffixTitle(word) || isPrefixTitle(word))
}

function wordsOf(text: string): string[] {
  return text.split(' ').filter(word => word !== '')
}

function titlesOf(titles: string | null, separator: string): string[] {
  return titles?.split(separator).map(title => title.trim()) ?? []
}
