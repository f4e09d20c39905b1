/**
 * Errors in names. Each takes the words of a name and returns its erroneous spelling, or nothing if the error is not
 * possible.
 */
import type { Chance } from './chance.ts'
import { familyNameOf, nameOf } from './names.ts'
import type { Person } from './people.ts'

export type NameError = (person: Person, chance: Chance) => string | undefined

/** The spelling of before 1972 (`oe` until 1947) in one word, which many people keep in their names. */
export const oldSpelling: NameError = ({ names }, chance) =>
  inOneWord(names, chance, word => {
    const old = { sy: 'sj', ny: 'nj', kh: 'ch', j: 'dj', c: 'tj', y: 'j', u: 'oe' } as Record<string, string>
    const pattern = chance.is(0.5) ? /u/gi : /sy|ny|kh|j|c|y|u/gi
    return word.replace(pattern, letters => likeCase(letters, old[letters.toLowerCase()] as string))
  })

export const doubledLetters: NameError = ({ names }, chance) =>
  inOneWord(names, chance, word => {
    const single = word.replace(/([a-z])\1/i, '$1')
    if (single !== word) return single
    const at = [...word.matchAll(/(?<=[a-z])[lnstmrdkzf](?=[aiueo])/g)]
    return at.length === 0 ? word : doubled(word, chance.pick(at).index)
  })

export const vForF: NameError = ({ names }, chance) =>
  inOneWord(names, chance, word => {
    const others: Record<string, string[]> = { f: ['v', 'ph', 'f', 'p'], v: ['f'], ph: ['f'] }
    return word.replace(/ph|f|v/i, letters => likeCase(letters, chance.pick(others[letters.toLowerCase()] as string[])))
  })

const nextOnKeyboard: Record<string, string> = Object.fromEntries(
  ['qwertyuiop', 'asdfghjkl', 'zxcvbnm'].flatMap(row =>
    [...row].map((letter, at) => [letter, `${row[at - 1] ?? ''}${row[at + 1] ?? ''}`])
  )
)

export const typingError: NameError = ({ names }, chance) =>
  inOneWord(names, chance, word => {
    if (!/^[a-z]{4,}$/i.test(word)) return word
    const at = 1 + chance.below(word.length - 1)
    const near = chance.pick([...(nextOnKeyboard[word[at] as string] ?? 'n')])
    return chance.pick([
      word.slice(0, at) + near + word.slice(at + 1),
      word.slice(0, at) + word.slice(at + 1),
      word.slice(0, at) + near + word.slice(at),
      word.slice(0, at - 1) + word[at] + (word[at - 1] as string).toLowerCase() + word.slice(at + 1)
    ])
  })

const lookAlikes = 'm:rn rn:m l:I I:l i:l l:1 o:0 O:0 S:5 s:5 B:8 cl:d d:cl h:b e:c u:v a:o g:q'
  .split(' ')
  .map(pair => pair.split(':') as [string, string])

export const ocrConfusion: NameError = ({ names }, chance) =>
  inOneWord(names, chance, word => {
    const possible = lookAlikes.filter(([read]) => word.includes(read))
    if (possible.length === 0) return word
    const [read, taken] = chance.pick(possible)
    return word.replace(read, taken)
  })

export const wordDropped: NameError = ({ names }, chance) => {
  if (names.length < 2) return undefined
  const dropped = chance.below(names.length)
  return names.filter((_, at) => at !== dropped).join(' ')
}

export const wordCut: NameError = ({ names }) => {
  const last = names.at(-1) as string
  return names.length < 2 || last.length < 6 ? undefined : [...names.slice(0, -1), last.slice(0, 4)].join(' ')
}

export const initialForWord: NameError = ({ names }, chance) => {
  if (names.length < 2) return undefined
  const at = chance.below(names.length)
  if ((names[at] as string).length < 3) return undefined
  return withWord(names, at, `${(names[at] as string)[0]}${chance.is(0.6) ? '.' : ''}`)
}

const shortForms: Record<string, string> = {
  Abdul: 'Abd.',
  Ahmad: 'A.',
  Siti: 'St.',
  Nur: 'N.',
  Muhammad: 'M.',
  Endang: 'E.',
  Raden: 'R.',
  Sri: 'S.',
  Made: 'Md.',
  Ketut: 'Kt.',
  Wayan: 'Wy.',
  Maria: 'M.'
}

/** The first row has the short form that this function returns, the next one the full form. */
export const shortForm: NameError = ({ names }) => {
  const short = shortForms[names[0] as string]
  return names.length < 2 || short === undefined ? undefined : withWord(names, 0, short)
}

export const muhammadInShort: NameError = ({ names }, chance) =>
  names[0] !== 'Muhammad' || names.length < 2
    ? undefined
    : withWord(
        names,
        0,
        chance.pick(['M.', 'Moh.', 'Muh.', 'Mochamad', 'Mohamad', 'Moch.', 'Muhamad', 'Mohd.', 'M', 'Md.'])
      )

export const apostrophe: NameError = ({ names }, chance) => {
  const name = names.join(' ')
  return name.includes("'")
    ? name.replaceAll("'", chance.pick(['’', '`', '‘', '&#039;', '', ' ', "''", "' ", '"', 'ʼ', '´', '-']))
    : undefined
}

const unusualTitles =
  'M.Tr.Kep|Bd.|A.Md.KG|A.Md.OT|A.Md.TEM|S.Kep.Ns|S.Si.T|M.Ked|MPH|MMR|FISQua|M.Ked(PD)|S.ST.Keb|SKM., M.Epid|Sp.KFR(K)|Ph.D|M.Biomed|FINASIM|S.Psi.|Dipl.'.split(
    '|'
  )
const titlesInFront = 'Kol. (Purn)|Letkol Ckm.|Mayor Ckm|Br.|Sr.|Zr.|K.H.|Hj.|H.|Kapten|AKBP|Ust.|R.A.|Dra.|Ir.'.split(
  '|'
)

export const unusualTitle: NameError = ({ names }, chance) => {
  const name = names.join(' ')
  const title = chance.pick(unusualTitles)
  const front = chance.pick(titlesInFront)
  const middle = names.length > 1 ? `${names[0]} ${title} ${names.slice(1).join(' ')}` : `${front} ${name} ${title}`
  return chance.pick([
    `${name} ${title}`,
    `${name}, ${title}`,
    `${front} ${name}`,
    `${front} ${name}, ${title}`,
    middle
  ])
}

export const marriedName: NameError = ({ names, isWoman, year }, chance) => {
  if (!isWoman) return undefined
  const name = names.join(' ')
  const husband = familyNameOf(chance, false)
  if (names.includes(husband)) return undefined
  return chance.pick([
    `${name} ${husband}`,
    `${name} ${husband}`,
    `${name}-${husband}`,
    `${name} binti ${nameOf(chance, false, year - 25)[0]}`,
    `${name} (${husband})`,
    `${[...names.slice(0, Math.max(1, names.length - 1)), husband].join(' ')}`
  ])
}

export const formOfAddress: NameError = ({ names, isWoman }, chance) => {
  const name = names.join(' ')
  return chance.pick(
    isWoman
      ? [
          `Ny. ${name}`,
          `Ny ${name}`,
          `Nn. ${name}`,
          `Almh. ${name}`,
          `${name} (Almh)`,
          `Ibu ${name}`,
          `Sdri. ${name}`,
          `${name}, Ny.`
        ]
      : [
          `Tn. ${name}`,
          `Alm. ${name}`,
          `${name} (Alm)`,
          `Bpk. ${name}`,
          `Sdr. ${name}`,
          `Alm ${name}`,
          `${name} Alm.`,
          `Tuan ${name}`
        ]
  )
}

export const cutToLength: NameError = ({ names }, chance) => {
  const name = names.join(' ')
  const length = chance.is(0.7) ? 20 : 30
  return name.length > length ? name.slice(0, length).trim() : undefined
}

/** Usual rows of KKI: known titles in the name instead of in their own field. */
export const commonTitles: NameError = ({ names, isWoman, profession, id }, chance) => {
  const name = names.join(' ')
  const front = profession.prefixes[id % profession.prefixes.length] as string
  const back = profession.suffixes[id % profession.suffixes.length] as string
  const haj = chance.is(0.2) ? (isWoman ? 'Hj. ' : 'H. ') : ''
  const written = `${front === '' ? '' : `${front} `}${haj}${name}${back === '' ? '' : `, ${back}`}`
  return written === name ? undefined : written
}

export const wordsSwapped: NameError = ({ names }, chance) => {
  if (names.length < 2) return undefined
  const swapped = [...names.slice(1), names[0]].join(' ')
  return chance.is(0.3) ? `${names.at(-1)}, ${names.slice(0, -1).join(' ')}` : swapped
}

export const caseAndSpacing: NameError = ({ names }, chance) => {
  const name = names.join(' ')
  return chance.pick([
    name.toUpperCase(),
    name.toUpperCase(),
    name.toLowerCase(),
    names.join('  '),
    ` ${name} `,
    names.join('\u00a0'),
    `${name}.`,
    name.replace(/^./, letter => letter.toLowerCase())
  ])
}

function inOneWord(names: readonly string[], chance: Chance, change: (word: string) => string): string | undefined {
  for (const at of chance.shuffle(names.keys().toArray())) {
    const changed = change(names[at] as string)
    if (changed !== names[at]) return withWord(names, at, changed)
  }
  return undefined
}

function withWord(names: readonly string[], at: number, word: string): string {
  return names.with(at, word).join(' ')
}

function doubled(word: string, at: number): string {
  return word.slice(0, at) + word[at] + word.slice(at)
}

function likeCase(like: string, letters: string): string {
  return /^\p{Lu}/u.test(like) ? letters[0]?.toUpperCase() + letters.slice(1) : letters
}
