import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The file of the titles, and where each group of them is published. */
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

/** Titles are compared without dots, blanks and case: `S.Kep` and `S. KEP.` are one. Other alphabets stay as they are. */
export function foldTitle(text: string): string {
  const upper = text.toUpperCase()
  return letters.test(text) ? upper : upper.replace(/[^\p{L}\p{N}]+/gu, '')
}

const foldAll = (titles: readonly string[]) => titles.map(foldTitle)

/** Anything that may stand between the parts of a title. */
const between = String.raw`[^\p{L}\p{N}]*`

/**
 * Returns a pattern for a title, which is given with a dot between its parts. Other signs may stand where the table has
 * a dot, and a part may be spelt out (`S.P.D.`). Breaks elsewhere are no title: `Fina Sim` and `S.Pan` are names.
 */
function titlePattern(title: string): RegExp {
  return new RegExp(`^${between}${title.split('.').map(partPattern).join(between)}${between}$`, 'iu')
}

function partPattern(part: string): string {
  return part.length === 1 ? part : String.raw`(?:${part}|${[...part].join(String.raw`\. ?`)}(?:\.|$))`
}

/** Titles that stand before a name. */
export const prefixTitles: readonly string[] = table.before.flatMap(group => group.titles)
const prefixes = new Map(
  prefixTitles.map((title): [string, RegExp] => [
    foldTitle(title),
    new RegExp(`^${between}${title.split('.').join(between)}${between}$`, 'iu')
  ])
)
/** `Ray` is a name, `R.Ay.` is not. */
const dottedPrefixes = new Set(table.beforeWithDots.flatMap(group => foldAll(group.titles)))
/** Single letters that are a title or the first letter of a name: only what stands beside them tells. */
const initials = new Set(foldAll(table.initials.titles))
const ranksThatAreNames = new Set(foldAll(table.ranksThatAreNames.titles))
const ranks = new Set([
  ...ranksThatAreNames,
  ...table.before
    .filter(({ titles }) => titles.some(title => /^(?:Serma|Kompol)$/.test(title)))
    .flatMap(({ titles }) => foldAll(titles))
])
const corps = new Set(foldAll(table.corps.titles))

/** Titles that stand behind a name, with a dot between their parts. */
export const suffixTitles: readonly string[] = table.behind.flatMap(group => group.titles)
const suffixes = new Map(suffixTitles.map(title => [foldTitle(title), titlePattern(title)]))
/** Two letters that without a comma are the initials of a name as well. */
const behindComma = new Set(foldAll(table.behindComma.titles))

/**
 * Titles that are names of people as well. They are titles only in front, behind a comma, with a dot, or in capitals
 * behind a name that is not. Consultants' letters among them need a title before them.
 */
const names = new Set(foldAll(table.namesToo.titles))

/** Fields of specialists; behind them a consultant's (`KGEH`). Others must be written with the dot: `Sp.X`. */
export const specialistFields: readonly string[] = table.specialistFields.titles
/** Behind a comma the name is over, so the rest of the field's name may follow in more words. */
const dottedSpecialist = /^(?:(?:sub ?)?sp\. ?\p{L}{1,12}\b|sub ?sp|sp[\p{L}. -]{1,20}\(K\))/iu
/**
 * Without a comma a blank may end the title (`Sp.A Nur'aini`) or make `Sp.` an initial (`Sp. Sim`). Case is spelt out: with
 * the flag `i`, iota is also no letter, and a long text of iotas would take time in proportion to its square.
 */
const bareDottedSpecialist =
  /^(?:[Ss][Uu][Bb] ?)?[Ss][Pp]\.(?:\p{L}{1,12}| \p{L}{1,12}\.)(?: ?[^\p{L} ]+ ?\p{L}{1,12})*\P{L}*$/u
/** Behind `Sp.PK(K)` and a blank the name may go on. */
const wordAfterBracket = /\) \p{L}/u
/** The consultant's `(K)` closes the title, whatever stands before it. */
const closedSubspecialist = /^[Ss][Uu][Bb] ?[Ss][Pp][\p{L}. -]{1,30}\([Kk]\)\P{L}*$/u

/** Consultants, where the title stands alone behind a comma. */
export const consultantTitles: readonly string[] = table.consultants.titles
const consultants = new Set(consultantTitles)

// No other letters may follow the K: `Spanky` is a name.
const specialist = new RegExp(`^(?:SUB)?SP(?:${specialistFields.join('|')})(?:K|${consultantTitles.join('|')})?$`)
/** `S.Pan` is an initial and a name. */
const specialistStart = new RegExp(String.raw`^\P{L}*(?:Sub\P{L}*)?${partPattern('Sp')}`, 'iu')

/** Titles whose programme of study follows a dot (`A.Md.TW`); with a blank before it, only behind a comma. */
const familyStart = `(?:${table.families.titles.map(title => title.split('.').join(String.raw`\. ?`)).join('|')})`
const family = new RegExp(`^${familyStart}[ .,]`, 'i')
const bareFamily = new RegExp(String.raw`^${familyStart}\.\p{L}{1,8}(?:\.\p{L}{1,8})*\.?$`, 'iu')

/** Words that are a title and no name, in any place. */
const tokens = new Set(
  [...prefixes.keys(), ...[...suffixes.keys()].filter(title => title.length > 2)].filter(title => !names.has(title))
)
const isSpecialistToken = (token: string) => /^(?:SP|SUBSP)/.test(token) && specialist.test(token)

/** All that the last word of a title may be, for a quick no to nearly every name. */
const endings = new Set([
  ...[...suffixes.keys(), ...specialistFields, ...consultantTitles].flatMap(title =>
    Array.from(title, (_, at) => title.slice(at))
  ),
  ...tokens
])
/** All that the first word of a title behind a name may be. */
const openings = new Set(
  ['SUBSP', ...suffixes.keys(), ...specialistFields.map(field => `SP${field}`)].flatMap(title =>
    Array.from(title, (_, at) => title.slice(0, at + 1))
  )
)
/** All that the first word of a name with titles may be. */
const beginnings = new Set([...prefixes.keys(), ...dottedPrefixes, ...initials, ...ranks])

/** Returns `false` for a word that is no title in front of a name, in one look at it. */
export function mayBeginWithTitle(word: string): boolean {
  return !letters.test(word) || beginnings.has(word.toUpperCase())
}

/** Returns whether a word is a title that stands before a name. */
export function isPrefixTitle(word: string): boolean {
  const folded = foldTitle(word)
  const pattern = prefixes.get(folded)
  // `K.H.` may be two initials, `KH` not.
  if (pattern !== undefined) return pattern.test(word) && !(initials.has(folded) && /\p{L}\P{L}+\p{L}/u.test(word))
  return dottedPrefixes.has(folded) && /^\p{L}\./u.test(word)
}

/** Returns whether a word is a letter, or two, that may be a title or an initial (`H.`, `K.H.`). */
export function isInitialTitle(word: string): boolean {
  return word.length <= 4 && initials.has(foldTitle(word)) && !isPrefixTitle(word)
}

/** Returns whether a word is a rank, which the word of a corps may follow, and whether people are called so as well. */
export function rankOf(word: string): { isName: boolean } | null {
  const folded = foldTitle(word)
  return ranks.has(folded) ? { isName: ranksThatAreNames.has(folded) } : null
}

/** Returns whether a word behind a rank is its corps or branch; a single letter needs parentheses. */
export function isCorps(word: string): boolean {
  const folded = foldTitle(word)
  return corps.has(folded) && (folded.length > 2 || word.startsWith('('))
}

/** Returns whether words between commas, together, are one title that stands behind a name. */
export function isSuffixTitle(words: string): boolean {
  const folded = foldTitle(words)
  // Behind a comma stray dots and blanks do no harm (`A.M.dKeb`, `S.pPD`): hardly a name is spelt by such parts.
  if (suffixes.has(folded) || behindComma.has(folded)) return true
  if (specialist.test(folded) || dottedSpecialist.test(words) || family.test(words)) return true
  if (isConsultantTitle(words)) return !isAlsoName(words)
  if (/^\(K\)$/i.test(words) || /^subsp\.?$/i.test(words)) return true
  return isJoinedTitle(words) || isBracketed(words, isSuffixTitle)
}

/** Returns whether words are a consultant's letters; in capitals, as they are always written, where they could be a name. */
export function isConsultantTitle(words: string): boolean {
  const folded = foldTitle(words)
  return consultants.has(folded) && (words === words.toUpperCase() || (folded.length > 3 && !names.has(folded)))
}

/** Returns whether a word without dots is a title and a name of people as well. */
export function isAlsoName(word: string): boolean {
  return names.has(word.toUpperCase())
}

/** Returns `false` for a word that ends no title, without looking at the words before it. */
export function mayEndTitle(word: string): boolean {
  if (!letters.test(word)) return endings.has(word.toUpperCase()) || !/^\p{L}+$/u.test(word)
  const upper = word.toUpperCase()
  return endings.has(upper) || isSpecialistToken(upper)
}

/** Returns `false` for a word that begins no title behind a name, without looking at the words after it. */
export function mayOpenTitle(word: string): boolean {
  return !letters.test(word) || openings.has(word.toUpperCase())
}

/** Returns whether words at the end of a name, without a comma before them, are beyond doubt one title. */
export function isBareSuffixTitle(words: string): boolean {
  if (closedSubspecialist.test(words)) return true
  if (words.includes('.')) {
    if (isListedSuffix(words) || isDottedSpecialist(words) || bareFamily.test(words)) return true
    return /^subsp\.$/i.test(words) || isJoinedTitle(words) || isBracketed(words, isBareSuffixTitle)
  }
  if (isBracketed(words, isBareSuffixTitle)) return true
  // Letters that stand alone are initials (`A M K`). Two letters may be a name (`ST` for Siti, `SE`).
  return foldTitle(words).length > 2 && !isAlsoName(words) && isListedSuffix(words) && /\S\S/.test(words)
}

/** Returns whether a word of a name's key, in upper case and without punctuation, is a title and no name. */
export function isTitleToken(token: string): boolean {
  return tokens.has(token) || isSpecialistToken(token)
}

/** Returns whether a word is a title wherever it stands, also within a name: `Siti Hj. Aminah`, `Siti SKM Aminah`. */
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

/** True for titles that grew together: `S.Kep.Ns.M.Kep`. Breaks between them stand where the row has a dot or a blank. */
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

/** True for a title with its field in parentheses behind it: `M.Ked (OG)`. */
function isBracketed(words: string, isTitle: (words: string) => boolean): boolean {
  const end = words.lastIndexOf(')')
  const at = end < 0 || /\p{L}/u.test(words.slice(end)) ? -1 : words.indexOf('(')
  return at > 1 && isTitle(words.slice(0, at).trim())
}

/**
 * Returns titles joined in order, those of `found` that are not `given` yet behind; `null` where there are none. A title
 * that is written twice is two titles (`Dr. dr.`: the doctorate and the physician).
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
