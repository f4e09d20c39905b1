import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The file of the titles, with the source of each group. */
export const titlesFile = fileURLToPath(new URL('../../contracts/titles.json', import.meta.url))

interface Titles {
  titles: string[]
}

const table: Record<'before' | 'beforeWithDots' | 'behind', Titles[]> &
  Record<
    | 'initials'
    | 'ranksThatAreNames'
    | 'corps'
    | 'behindComma'
    | 'namesToo'
    | 'specialistFields'
    | 'consultants'
    | 'families',
    Titles
  > = JSON.parse(readFileSync(titlesFile, 'utf8'))

const letters = /^[A-Za-z]+$/

/** Titles are compared without dots, blanks and case: `S.Kep` and `S. KEP.` are equal. Other alphabets stay unchanged. */
export function foldTitle(text: string): string {
  const upper = text.toUpperCase()
  return letters.test(text) ? upper : upper.replace(/[^\p{L}\p{N}]+/gu, '')
}

const foldAll = (titles: readonly string[]) => titles.map(foldTitle)

/** Characters that may be between the parts of a title. */
const between = String.raw`[^\p{L}\p{N}]*`

/**
 * Returns a pattern for a title, which is given with a dot between its parts. Other signs may replace a dot of the table,
 * and a part may be spelt out (`S.P.D.`). Breaks elsewhere are not a title: `Fina Sim` and `S.Pan` are names.
 */
function titlePattern(title: string): RegExp {
  return new RegExp(`^${between}${title.split('.').map(partPattern).join(between)}${between}$`, 'iu')
}

function partPattern(part: string): string {
  return part.length === 1 ? part : String.raw`(?:${part}|${[...part].join(String.raw`\. ?`)}(?:\.|$))`
}

/** Titles before a name. */
export const prefixTitles: readonly string[] = table.before.flatMap(group => group.titles)
const prefixes = new Map(
  prefixTitles.map((title): [string, RegExp] => [
    foldTitle(title),
    new RegExp(`^${between}${title.split('.').join(between)}${between}$`, 'iu')
  ])
)
/** `Ray` is a name, `R.Ay.` is a title. */
const dottedPrefixes = new Set(table.beforeWithDots.flatMap(group => foldAll(group.titles)))
/** Single letters that are a title or the first letter of a name: only the context decides. */
const initials = new Set(foldAll(table.initials.titles))
const ranksThatAreNames = new Set(foldAll(table.ranksThatAreNames.titles))
const ranks = new Set([
  ...ranksThatAreNames,
  ...table.before
    .filter(({ titles }) => titles.some(title => /^(?:Serma|Kompol)$/.test(title)))
    .flatMap(({ titles }) => foldAll(titles))
])
const corps = new Set(foldAll(table.corps.titles))

/** Titles after a name, with a dot between their parts. */
export const suffixTitles: readonly string[] = table.behind.flatMap(group => group.titles)
const suffixes = new Map(suffixTitles.map(title => [foldTitle(title), titlePattern(title)]))
/** Two letters that without a comma may also be initials. */
const behindComma = new Set(foldAll(table.behindComma.titles))

/**
 * Titles that are also names of people. They are titles only before a name, after a comma, with a dot, or in capitals
 * after a name that is not in capitals. Consultants' letters among them need a title before them.
 */
const names = new Set(foldAll(table.namesToo.titles))

/** Fields of specialists, with a consultant's letters after them (`KGEH`). Others need the dot: `Sp.X`. */
export const specialistFields: readonly string[] = table.specialistFields.titles
/** After a comma the name has ended, so further words may belong to the field's name. */
const dottedSpecialist = /^(?:(?:sub ?)?sp\. ?\p{L}{1,12}\b|sub ?sp|sp[\p{L}. -]{1,20}\(K\))/iu
/**
 * Without a comma a blank may end the title (`Sp.A Nur'aini`) or make `Sp.` an initial (`Sp. Sim`). Case is spelt out,
 * because with the flag `i` iota also counts as a non-letter, and a long text of iotas would need quadratic time.
 */
const bareDottedSpecialist =
  /^(?:[Ss][Uu][Bb] ?)?[Ss][Pp]\.(?:\p{L}{1,12}| \p{L}{1,12}\.)(?: ?[^\p{L} ]+ ?\p{L}{1,12})*\P{L}*$/u
/** After `Sp.PK(K)` and a blank the name may continue. */
const wordAfterBracket = /\) \p{L}/u
/** The consultant's `(K)` ends the title, regardless of the text before it. */
const closedSubspecialist = /^[Ss][Uu][Bb] ?[Ss][Pp][\p{L}. -]{1,30}\([Kk]\)\P{L}*$/u

/** Consultants, if the title is alone after a comma. */
export const consultantTitles: readonly string[] = table.consultants.titles
const consultants = new Set(consultantTitles)

// No other letters may follow the K: `Spanky` is a name.
const specialist = new RegExp(`^(?:SUB)?SP(?:${specialistFields.join('|')})(?:K|${consultantTitles.join('|')})?$`)
/** `S.Pan` is an initial and a name. */
const specialistStart = new RegExp(String.raw`^\P{L}*(?:Sub\P{L}*)?${partPattern('Sp')}`, 'iu')

/** Titles whose programme of study follows a dot (`A.Md.TW`); with a blank before it, only after a comma. */
const familyStart = `(?:${table.families.titles.map(title => title.split('.').join(String.raw`\. ?`)).join('|')})`
const family = new RegExp(`^${familyStart}[ .,]`, 'i')
const bareFamily = new RegExp(String.raw`^${familyStart}\.\p{L}{1,8}(?:\.\p{L}{1,8})*\.?$`, 'iu')

/** Words that are a title and never a name, in any place. */
const tokens = new Set(
  [...prefixes.keys(), ...[...suffixes.keys()].filter(title => title.length > 2)].filter(title => !names.has(title))
)
const isSpecialistToken = (token: string) => /^(?:SP|SUBSP)/.test(token) && specialist.test(token)

/** All possible last words of a title, to exclude nearly every name quickly. */
const endings = new Set([
  ...[...suffixes.keys(), ...specialistFields, ...consultantTitles].flatMap(title =>
    Array.from(title, (_, at) => title.slice(at))
  ),
  ...tokens
])
/** All possible first words of a title after a name. */
const openings = new Set(
  ['SUBSP', ...suffixes.keys(), ...specialistFields.map(field => `SP${field}`)].flatMap(title =>
    Array.from(title, (_, at) => title.slice(0, at + 1))
  )
)
/** All possible first words of a name with titles. */
const beginnings = new Set([...prefixes.keys(), ...dottedPrefixes, ...initials, ...ranks])

/** Returns `false` for a word that is not a title before a name, with one regular expression. */
export function mayBeginWithTitle(word: string): boolean {
  return !letters.test(word) || beginnings.has(word.toUpperCase())
}

/** Returns whether a word is a title before a name. */
export function isPrefixTitle(word: string): boolean {
  const folded = foldTitle(word)
  const pattern = prefixes.get(folded)
  // `K.H.` may be two initials, `KH` may not.
  if (pattern !== undefined) return pattern.test(word) && !(initials.has(folded) && /\p{L}\P{L}+\p{L}/u.test(word))
  return dottedPrefixes.has(folded) && /^\p{L}\./u.test(word)
}

/** Returns whether a word is a letter, or two, that may be a title or an initial (`H.`, `K.H.`). */
export function isInitialTitle(word: string): boolean {
  return word.length <= 4 && initials.has(foldTitle(word)) && !isPrefixTitle(word)
}

/** Returns whether a word is a rank, which a corps may follow, and whether it is also a name. */
export function rankOf(word: string): { isName: boolean } | null {
  const folded = foldTitle(word)
  return ranks.has(folded) ? { isName: ranksThatAreNames.has(folded) } : null
}

/** Returns whether a word after a rank is its corps or branch; a single letter needs parentheses. */
export function isCorps(word: string): boolean {
  const folded = foldTitle(word)
  return corps.has(folded) && (folded.length > 2 || word.startsWith('('))
}

/** Returns whether words between commas, together, are one title after a name. */
export function isSuffixTitle(words: string): boolean {
  const folded = foldTitle(words)
  // After a comma, misplaced dots and blanks are accepted (`A.M.dKeb`, `S.pPD`), since hardly any name has such parts.
  if (suffixes.has(folded) || behindComma.has(folded)) return true
  if (specialist.test(folded) || dottedSpecialist.test(words) || family.test(words)) return true
  if (isConsultantTitle(words)) return !isAlsoName(words)
  if (/^\(K\)$/i.test(words) || /^subsp\.?$/i.test(words)) return true
  return isJoinedTitle(words) || isBracketed(words, isSuffixTitle)
}

/** Returns whether words are a consultant's letters; words that could be a name must be in capitals. */
export function isConsultantTitle(words: string): boolean {
  const folded = foldTitle(words)
  return consultants.has(folded) && (words === words.toUpperCase() || (folded.length > 3 && !names.has(folded)))
}

/** Returns whether a word without dots is a title and also a name. */
export function isAlsoName(word: string): boolean {
  return names.has(word.toUpperCase())
}

/** Returns `false` for a word that cannot end a title, without checking the words before it. */
export function mayEndTitle(word: string): boolean {
  if (!letters.test(word)) return endings.has(word.toUpperCase()) || !/^\p{L}+$/u.test(word)
  const upper = word.toUpperCase()
  return endings.has(upper) || isSpecialistToken(upper)
}

/** Returns `false` for a word that cannot start a title after a name, without checking the words after it. */
export function mayOpenTitle(word: string): boolean {
  return !letters.test(word) || openings.has(word.toUpperCase())
}

/** Returns whether words at the end of a name, without a comma before them, are certainly one title. */
export function isBareSuffixTitle(words: string): boolean {
  if (closedSubspecialist.test(words)) return true
  if (words.includes('.')) {
    if (isListedSuffix(words) || isDottedSpecialist(words) || bareFamily.test(words)) return true
    return /^subsp\.$/i.test(words) || isJoinedTitle(words) || isBracketed(words, isBareSuffixTitle)
  }
  if (isBracketed(words, isBareSuffixTitle)) return true
  // Single letters are initials (`A M K`). Two letters may be a name (`ST` for Siti, `SE`).
  return foldTitle(words).length > 2 && !isAlsoName(words) && isListedSuffix(words) && /\S\S/.test(words)
}

/** Returns whether a word of a name's key, in upper case and without punctuation, is a title and not a name. */
export function isTitleToken(token: string): boolean {
  return tokens.has(token) || isSpecialistToken(token)
}

/** Returns whether a word is a title in any place, also within a name: `Siti Hj. Aminah`, `Siti SKM Aminah`. */
export function isTitleAnywhere(word: string): boolean {
  if (letters.test(word)) return isTitleToken(word.toUpperCase())
  return isPrefixTitle(word) && !isAlsoName(foldTitle(word))
}

function isDottedSpecialist(words: string): boolean {
  return bareDottedSpecialist.test(words) && !wordAfterBracket.test(words)
}

function isListedSuffix(words: string): boolean {
  return suffixes.get(foldTitle(words))?.test(words) || isSpecialist(words)
}

function isSpecialist(words: string): boolean {
  return specialistStart.test(words) && specialist.test(foldTitle(words))
}

/** True for titles without separators: `S.Kep.Ns.M.Kep`. Breaks between them are only at a dot or a blank of the row. */
function isJoinedTitle(words: string): boolean {
  if (!words.includes('.')) return false
  const parts = words.split(/[^\p{L}\p{N}]+/u).filter(part => part !== '')
  return parts.length > 2 && parts.length <= 12 && areTitles(parts, 0)
}

function areTitles(parts: readonly string[], from: number): boolean {
  if (from === parts.length) return true
  for (let to = Math.min(parts.length, from + 5); to > from; to--) {
    const title = parts.slice(from, to).join('').toUpperCase()
    const isTitle = names.has(title)
      ? to > from + 1
      : suffixes.has(title) || specialist.test(title) || (from > 0 && isTitleToken(title))
    if (isTitle && areTitles(parts, to)) return true
  }
  return false
}

/** True for a title followed by its field in parentheses: `M.Ked (OG)`. */
function isBracketed(words: string, isTitle: (words: string) => boolean): boolean {
  const end = words.lastIndexOf(')')
  const at = end < 0 || /\p{L}/u.test(words.slice(end)) ? -1 : words.indexOf('(')
  return at > 1 && isTitle(words.slice(0, at).trim())
}

/**
 * Returns titles joined in order: `given`, then those of `found` that are not in `given`; `null` if there are none. A title
 * that appears twice is two titles (`Dr. dr.`: the doctorate and the physician).
 */
export function mergeTitles(given: readonly string[], found: readonly string[], separator: string): string | null {
  if (given.length === 0 && found.length === 0) return null
  const known = given.map(foldTitle)
  const added = found.filter(title => {
    const at = known.indexOf(foldTitle(title))
    if (at >= 0) known.splice(at, 1)
    return at < 0
  })
  const titles = [...given, ...added].filter(title => foldTitle(title) !== '')
  return titles.length > 0 ? titles.join(separator) : null
}
