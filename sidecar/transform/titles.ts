/** Titles are compared without dots, blanks and case: `S.Kep` and `S. KEP.` are one. Other alphabets stay as they are. */
const foldTitle = (text: string) => text.toUpperCase().replace(/[^\p{L}\p{N}]+/gu, '')

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

/**
 * Titles that stand before a name. `H` and `Hj` (pilgrimage) are titles here: Dukcapil writes names without them. Bare
 * letters that could be an initial (`M`, `A`) are not listed. Only `K.H` has parts: `I.R.` is two initials.
 */
export const prefixTitles: readonly string[] =
  'Dr drg drh Prof Ir H Hj apt Ns Bdn Drs Dra K.H RNI Haji Hajjah Dokter Profesor'.split(' ')
const prefixes = new Map(
  prefixTitles.map(title => [
    foldTitle(title),
    new RegExp(`^${between}${title.replace('.', between)}${between}$`, 'iu')
  ])
)

/** Titles that stand behind a name, with a dot between their parts. */
export const suffixTitles: readonly string[] =
  `S.Kep S.Kep.Ns S.Kep.Ners Ners Ns M.Kep S.S.T S.S.T.Keb S.Tr.Keb S.Tr.Kes S.Tr.Kep S.Tr.Gz S.Tr.T S.Tr.Ft S.Tr.Rad
  S.Keb Bdn A.Md.Kep A.Md.Keb A.Md.Kes A.Md.A.K A.Md.Rad A.Md.Ft A.Md.Gz A.Md.R.M.I.K A.Md.P.K A.Md.Far A.Md.K.L A.Md
  A.M.K A.M.Keb S.Farm S.Si Apt M.Farm M.Farm.Klin S.K.M M.K.M M.Kes M.Si M.Sc Ph.D MARS FINASIM FINACS FICS S.Ked S.K.G
  S.Gz M.Gz RD S.Psi M.Psi Psikolog S.Ft Ftr S.Ftr S.H M.H M.M M.B.A S.E S.Sos S.Pd M.Pd M.Biomed M.Epid S.T.Kes S.K.L
  M.K.G S.R.M S.R.M.I.K S.S.Tr.Kes S.S.T.Ft S.Si.T S.T M.T Dr.P.H FISPH FISCM FIHA FIAS Sp`.split(/\s+/)
const suffixes = new Map(suffixTitles.map(title => [foldTitle(title), titlePattern(title)]))

/**
 * Titles that are names of people as well. They are titles only in front, behind a comma, with a dot, or in capitals
 * behind a name that is not. Consultants' letters among them need a title before them.
 */
const names = new Set('HAJI HAJJAH IR DRA DOKTER PROFESOR MARS FIHA FIAS KAR KAP KOS KAI KIC'.split(' '))

/** Fields of specialists; behind them a consultant's (`KGEH`). Others must be written with the dot: `Sp.X`. */
export const specialistFields: readonly string[] =
  `OG PD JP KK KJ KG KGA THT THTKL THTBKL AN RAD PA PK BS OT BP BPRE RM FK GK MK KFR PERIO PROS ORT BM PM KP
  DV DVE EM BTKV TKV KN KO ONKRAD A B M S N P U F`.split(/\s+/)
/** Behind a comma the name is over, so the rest of the field's name may follow in more words. */
const dottedSpecialist = /^(?:sub)?sp\. ?\p{L}{1,12}\b/iu
/**
 * Without a comma a blank may end the title (`Sp.A Nur'aini`) or make `Sp.` an initial (`Sp. Sim`). Case is spelt out: with
 * the flag `i`, iota is also no letter, and a long text of iotas would take time in proportion to its square.
 */
const bareDottedSpecialist =
  /^(?:[Ss][Uu][Bb])?[Ss][Pp]\.(?:\p{L}{1,12}| \p{L}{1,12}\.)(?: ?[^\p{L} ]+ ?\p{L}{1,12})*\P{L}*$/u

/** Consultants, where the title stands alone behind a comma. */
export const consultantTitles: readonly string[] =
  'KGEH KHOM KEMD KPTI KKV KR KP KGH KAI KIC KNA KFER KFM KAR KAP KAKV KOS KGER'.split(' ')
const consultants = new Set(consultantTitles)

// No other letters may follow the K: `Spanky` is a name.
const specialist = new RegExp(`^(?:SUB)?SP(?:${specialistFields.join('|')})(?:K|${consultantTitles.join('|')})?$`)
/** `S.Pan` is an initial and a name. */
const specialistStart = new RegExp(String.raw`^\P{L}*(?:Sub\P{L}*)?${partPattern('Sp')}`, 'iu')

/** All that the last word of a title may be, for a quick no to nearly every name. */
const endings = new Set(
  [...suffixes.keys(), ...specialistFields, ...consultantTitles].flatMap(title =>
    Array.from(title, (_, at) => title.slice(at))
  )
)

/** Returns whether a word is a title that stands before a name. */
export function isPrefixTitle(word: string): boolean {
  return prefixes.get(foldTitle(word))?.test(word) ?? false
}

/** Returns whether words between commas, together, are one title that stands behind a name. */
export function isSuffixTitle(words: string): boolean {
  const folded = foldTitle(words)
  // Behind a comma stray dots and blanks do no harm (`A.M.dKeb`, `S.pPD`): hardly a name is spelt by such parts.
  if (suffixes.has(folded) || specialist.test(folded) || dottedSpecialist.test(words)) return true
  if (isConsultantTitle(words)) return !isAlsoName(words)
  return /^\(K\)$/i.test(words) || /^subsp\.?$/i.test(words)
}

/** Returns whether words are a consultant's letters, in capitals as they are always written. */
export function isConsultantTitle(words: string): boolean {
  return consultants.has(foldTitle(words)) && words === words.toUpperCase()
}

/** Returns whether a word without dots is a title and a name of people as well. */
export function isAlsoName(word: string): boolean {
  return names.has(word.toUpperCase())
}

/** Returns `false` for a word that ends no title, without looking at the words before it. */
export function mayEndTitle(word: string): boolean {
  return endings.has(word.toUpperCase()) || !/^\p{L}+$/u.test(word) || isSpecialist(word)
}

/** Returns whether words at the end of a name, without a comma before them, are beyond doubt one title. */
export function isBareSuffixTitle(words: string): boolean {
  if (words.includes('.')) {
    return isListedSuffix(words) || bareDottedSpecialist.test(words) || /^subsp\.$/i.test(words)
  }
  // Letters that stand alone are initials (`A M K`). Two letters may be a name (`ST` for Siti, `SE`).
  return foldTitle(words).length > 2 && !isAlsoName(words) && isListedSuffix(words) && /\S\S/.test(words)
}

/** Returns whether a word of a name's key, in upper case and without punctuation, is a title and no name. */
export function isTitleToken(token: string): boolean {
  if (names.has(token)) return false
  return prefixes.has(token) || (token.length > 2 && (suffixes.has(token) || isSpecialist(token)))
}

function isListedSuffix(words: string): boolean {
  return suffixes.get(foldTitle(words))?.test(words) || isSpecialist(words)
}

function isSpecialist(words: string): boolean {
  return specialistStart.test(words) && specialist.test(foldTitle(words))
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
