/** A title without dots and blanks, in upper case: `S.Kep` and `S. Kep.` are one. */
const foldTitle = (text: string) => text.toUpperCase().replace(/[^A-Z]/g, '')

/**
 * Titles that stand before a name. `H` and `Hj` (pilgrimage) are titles here: Dukcapil writes names without them. Bare
 * letters that could be an initial (`M`, `A`) are not listed.
 */
const prefixes = new Set(
  'DR DRG DRH PROF IR H HJ APT NS BDN DRS DRA KH RNI HAJI HAJJAH DOKTER PROFESOR'.split(' ').map(foldTitle)
)

const suffixes = new Set(
  `SKEP SKEPNS SKEPNERS NERS NS MKEP SST SSTKEB STRKEB STRKES STRKEP STRGZ STRT STRFT STRRAD SKEB BDN AMDKEP AMDKEB AMDKES AMDAK
  AMDRAD AMDFT AMDGZ AMDRMIK AMDPK AMDFAR AMDKL AMD AMK AMKEB SFARM SSI APT MFARM MFARMKLIN SKM MKM MKES MSI MSC PHD MARS FINASIM
  FINACS FICS SKED SKG SGZ MGZ RD SPSI MPSI PSIKOLOG SFT FTR SFTR SH MH MM MBA SE SSOS SPD MPD MBIOMED MEPID STKES SKL MKG
  SRM SRMIK SSTRKES SSTFT SIT ST MT DRPH FISPH FISCM FIHA FIAS KEMD`
    .split(/\s+/)
    .map(foldTitle)
)

/** Specialist titles: `Sp.PD`, `Sp. OG`, `Sp.PD-KGEH`, `Subsp.Onk`, `(K)`. */
const specialist = /^(?:SP|SUBSP)[A-Z]{0,12}$/

/** True where a word is a title that stands before a name. */
export function isPrefixTitle(word: string): boolean {
  const folded = foldTitle(word)
  // `H.` is a pilgrim and so is `H`; two letters and more are taken with or without their dot.
  return folded !== '' && prefixes.has(folded)
}

/** True where words, together, are one title that stands behind a name. */
export function isSuffixTitle(words: string): boolean {
  const folded = foldTitle(words)
  if (folded === '') return false
  return suffixes.has(folded) || specialist.test(folded) || folded === 'K' || /^K[A-Z]{2,6}$/.test(folded)
}

/** Returns titles joined in order, each once however it is spelled; null where there are none. */
export function mergeTitles(lists: readonly (readonly string[])[], separator: string): string | null {
  const seen = new Set<string>()
  const kept = lists.flat().filter(title => {
    const folded = foldTitle(title)
    if (folded === '' || seen.has(folded)) return false
    seen.add(folded)
    return true
  })
  return kept.length > 0 ? kept.join(separator) : null
}
