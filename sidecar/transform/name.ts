import { foldDiacritics } from './text.ts'
import { isPrefixTitle, isSuffixTitle, mergeTitles } from './titles.ts'

export interface PersonName {
  /** The core name as it was spelled, titles off; empty where nothing but titles was given. */
  name: string
  titlePrefix: string | null
  titleSuffix: string | null
}

/**
 * Returns a name apart from its titles; titles of fields of their own come first, those found in the name are added.
 *
 * `Prof. DR. dr. H. Moch. Joesoef, Sp.PD-KGEH, M.Kes` gives `Moch. Joesoef`. All texts are clean already.
 */
export function splitName(text: string, givenPrefix: string | null, givenSuffix: string | null): PersonName {
  const [head = '', ...tail] = text.split(',')
  const words = head.split(' ').filter(word => word !== '')
  const before: string[] = []
  while (words[0] !== undefined) {
    // `dr.Siti`: title and name grew together.
    const grown = /^([A-Za-z]{1,4})\.(\p{L}.*)$/u.exec(words[0])
    if (grown?.[1] && grown[2] && !isPrefixTitle(words[0]) && isPrefixTitle(grown[1]))
      words.splice(0, 1, `${grown[1]}.`, grown[2])
    if (!isPrefixTitle(words[0])) break
    before.push(words.shift() as string)
  }
  const behind = takeSuffixes(words)
  const commaTitles: string[] = []
  const rest: string[] = []
  for (const part of tail.map(item => item.trim()).filter(item => item !== '')) {
    if (isTitlePart(part)) commaTitles.push(part)
    else rest.push(part)
  }
  const core = [...words, ...rest].join(' ').replace(/^[\s.,-]+|[\s,-]+$/g, '')
  return {
    name: /\p{L}/u.test(core) ? core : '',
    titlePrefix: mergeTitles([listOf(givenPrefix, ' '), before], ' '),
    titleSuffix: mergeTitles([listOf(givenSuffix, ','), behind, commaTitles], ', ')
  }
}

/** Spellings of Muhammad that leave no doubt; a bare `M` could be Maria. */
const muhammad = /^M(?:(?:U|O|OE)(?:H|CH|KH)(?:AMM?[AE][DT]|D)?|HD)$/

/**
 * Returns what names are compared by: titles off, apostrophes and hyphens dropped, other punctuation a blank, no
 * diacritics, upper case, Muhammad in one spelling, unique tokens in order. Idempotent; empty where no letter is left.
 */
export function nameKey(name: string): string {
  const folded = foldDiacritics(splitName(name, null, null).name)
    .toUpperCase()
    .replace(/['’‘ʼ`´-]/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
  if (folded === '') return ''
  const tokens = new Set(folded.split(' ').map(token => (muhammad.test(token) ? 'MUHAMMAD' : token)))
  return [...tokens].sort().join(' ')
}

/**
 * Returns whether two name keys may be one person's: equal, or one holds all tokens of the other and they share at least
 * two. The plan applies the same rule in SQL (`sdmk.names_compatible`).
 */
export function namesCompatible(keyA: string, keyB: string): boolean {
  if (keyA === keyB) return true
  const a = keyA.split(' ')
  const b = keyB.split(' ')
  const [shorter, longer] = a.length <= b.length ? [a, b] : [b, a]
  return shorter.length >= 2 && shorter.every(token => longer.includes(token))
}

/** Longest title that is written in several words: `A. Md. Keb`. */
const longestTitle = 3

/** Takes titles off the end of the words, as long as a name is left. */
function takeSuffixes(words: string[]): string[] {
  const taken: string[] = []
  for (let found = true; found; ) {
    found = false
    for (let length = Math.min(longestTitle, words.length - 1); length > 0; length--) {
      const last = words.slice(-length).join(' ')
      // Without a comma before it, a title must look like one: dots, or a capital within (`SKep`, `SKM`).
      if (!isSuffixTitle(last) || !/\.|^[A-Z][a-z]*[A-Z]/.test(last)) continue
      // A name in capitals may end like a title: `SITI NS` keeps its word unless a dot says otherwise.
      if (!last.includes('.') && words[0] === words[0]?.toUpperCase()) continue
      words.splice(-length)
      taken.unshift(last)
      found = true
      break
    }
  }
  return taken
}

/** True where a part between commas holds titles alone: `S.Kep`, `S.Kep Ners`, `Sp.PD (K)`. */
function isTitlePart(part: string): boolean {
  return isSuffixTitle(part) || part.split(' ').every(word => isSuffixTitle(word) || isPrefixTitle(word))
}

function listOf(titles: string | null, separator: string): string[] {
  return titles?.split(separator).map(title => title.trim()) ?? []
}
