/** Titles are compared without dots, blanks and case: `S.Kep` and `S. KEP.` are one. Other alphabets stay as they are. */
const foldTitle = (text: string) => text.toUpperCase().replace(/[^\p{L}\p{N}]+/gu, '')

/**
 * Titles that stand before a name. `H` and `Hj` (pilgrimage) are titles here: Dukcapil writes names without them. Bare
 * letters that could be an initial (`M`, `A`) are not listed.
 */
const prefixes = new Set('DR DRG DRH PROF IR H HJ APT NS BDN DRS DRA KH RNI HAJI HAJJAH DOKTER PROFESOR'.split(' '))

const suffixes = new Set(
  `SKEP SKEPNS SKEPNERS NERS NS MKEP SST SSTKEB STRKEB STRKES STRKEP STRGZ STRT STRFT STRRAD SKEB BDN AMDKEP AMDKEB
  AMDKES AMDAK AMDRAD AMDFT AMDGZ AMDRMIK AMDPK AMDFAR AMDKL AMD AMK AMKEB SFARM SSI APT MFARM MFARMKLIN SKM MKM MKES
  MSI MSC PHD MARS FINASIM FINACS FICS SKED SKG SGZ MGZ RD SPSI MPSI PSIKOLOG SFT FTR SFTR SH MH MM MBA SE SSOS SPD MPD
  MBIOMED MEPID STKES SKL MKG SRM SRMIK SSTRKES SSTFT SSIT ST MT DRPH FISPH FISCM FIHA FIAS SP`.split(/\s+/)
)

/** Names of people as well; they need a dot or a comma to be titles. */
const ambiguousSuffixes = new Set(['MARS'])

/** Fields of specialists; behind them a consultant's (`KGEH`). Others must be written with the dot: `Sp.X`. */
const fields =
  `OG PD JP KK KJ KG KGA THT THTKL THTBKL AN RAD PA PK BS OT BP BPRE RM FK GK MK KFR PERIO PROS ORT BM PM KP
  DV DVE EM BTKV TKV KN KO ONKRAD A B M S N P U F`.split(/\s+/)
const dottedSpecialist = /^(?:sub)?sp\. ?\p{L}{1,12}\b/iu

/** Consultants, where the title stands alone behind a comma. */
const consultants = new Set('KGEH KHOM KEMD KPTI KKV KR KP KGH KAI KIC KNA KFER KFM KAR KAP KAKV KOS KGER'.split(' '))

// No other letters may follow the K: `Spanky` is a name.
const specialist = new RegExp(`^(?:SUB)?SP(?:${fields.join('|')})(?:K|${[...consultants].join('|')})?$`)

/** All that the last word of a title may be, for a quick no to nearly every name. */
const endings = new Set([...suffixes, ...fields].flatMap(title => Array.from(title, (_, at) => title.slice(at))))

/** Returns whether a word is a title that stands before a name. */
export function isPrefixTitle(word: string): boolean {
  return prefixes.has(foldTitle(word))
}

/** Returns whether words between commas, together, are one title that stands behind a name. */
export function isSuffixTitle(words: string): boolean {
  const folded = foldTitle(words)
  if (suffixes.has(folded) || specialist.test(folded) || dottedSpecialist.test(words)) return true
  return (
    (consultants.has(folded) && words === words.toUpperCase()) || /^\(K\)$/i.test(words) || /^subsp\.?$/i.test(words)
  )
}

/** Returns `false` for a word that ends no title, without looking at the words before it. */
export function mayEndTitle(word: string): boolean {
  const upper = word.toUpperCase()
  return endings.has(upper) || !/^\p{L}+$/u.test(word) || specialist.test(upper)
}

/** Returns whether words at the end of a name, without a comma before them, are beyond doubt one title. */
export function isBareSuffixTitle(words: string): boolean {
  if (words.includes('.')) return isSuffixTitle(words)
  // Letters that stand alone are initials (`A M K`).
  return isSuffixToken(foldTitle(words)) && /\S\S/.test(words)
}

/** Returns whether a word of a name's key, in upper case and without punctuation, is a title. */
export function isTitleToken(token: string): boolean {
  return prefixes.has(token) || isSuffixToken(token)
}

/** Two letters may be a name (`ST` for Siti, `SE`), so they are no title without a dot or a comma. */
function isSuffixToken(folded: string): boolean {
  if (folded.length < 3 || ambiguousSuffixes.has(folded)) return false
  return suffixes.has(folded) || (folded.startsWith('S') && specialist.test(folded))
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
