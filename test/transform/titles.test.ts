import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { nameKey, splitName } from '../../sidecar/transform/name.ts'
import { consultantTitles, prefixTitles, specialistFields, suffixTitles } from '../../sidecar/transform/titles.ts'
import { readContract } from './helpers.ts'

const names = readFileSync(`${import.meta.dirname}/names.txt`, 'utf8')
  .split('\n')
  .filter(line => !line.startsWith('#'))
  .flatMap(line => line.split(' '))
  .filter(name => name !== '')

/** Names that count as titles before another name. */
const titlesInFront = new Map([
  ['Haji', 'pilgrims carry it before their name'],
  ['Hajjah', 'as Haji, for women'],
  ['Ir', 'engineers of the older degree write it without a dot'],
  ['Dra', 'women of the older degree write it without a dot'],
  ['Dokter', 'the word that dr. stands for'],
  ['Profesor', 'the word that Prof. stands for']
])

const casings = [(text: string) => text, (text: string) => text.toUpperCase(), (text: string) => text.toLowerCase()]

/** The key of words that are names without doubt. */
const keyOf = (...words: string[]) =>
  [...new Set(words.map(word => word.toUpperCase().replace(/^M[OU]C?HAMM?AD$/, 'MUHAMMAD')))].sort().join(' ')

/** Returns the errors in the keys of texts, for all of them at once. */
function wrongKeys(texts: Iterable<[text: string, key: string]>): string[] {
  return [...texts].flatMap(([text, key]) =>
    casings
      .map(cased => cased(text))
      .filter(cased => nameKey(cased) !== key)
      .map(cased => `${cased}: ${nameKey(cased)}`)
  )
}

test('the list of names is long, and has each name once', () => {
  assert.ok(names.length >= 2000)
  assert.equal(new Set(names.map(name => name.toUpperCase())).size, names.length)
})

test('a single name stays, whichever title it looks like', () => {
  assert.deepEqual(wrongKeys(names.map(name => [name, keyOf(name)])), [])
})

test('a name stays after another name and between two', () => {
  const texts = names.flatMap((name): [string, string][] => [
    [`Hartanto ${name}`, keyOf('Hartanto', name)],
    [`dr. Hartanto ${name}, Sp.PD`, keyOf('Hartanto', name)],
    [`Hartanto ${name} S.Kep., Ners`, keyOf('Hartanto', name)],
    [`Hartanto ${name} Lestari`, keyOf('Hartanto', name, 'Lestari')],
    [`Hartanto S. ${name}`, keyOf('Hartanto', 'S', name)],
    [`Hartanto S.${name}`, keyOf('Hartanto', 'S', name)],
    [`Hartanto Sp. ${name}`, keyOf('Hartanto', 'Sp', name)],
    [`Hartanto M. ${name}`, keyOf('Hartanto', 'M', name)],
    [`Hartanto S. ${name} Lestari`, keyOf('Hartanto', 'S', name, 'Lestari')],
    [`Hartanto M.${name} Lestari`, keyOf('Hartanto', 'M', name, 'Lestari')],
    [`Hartanto Sp. ${name} Lestari`, keyOf('Hartanto', 'Sp', name, 'Lestari')]
  ])
  assert.deepEqual(wrongKeys(texts), [])
})

test('a name stays before another name, unless it is a title there', () => {
  const texts = names.flatMap((name): [string, string][] => {
    const key = titlesInFront.has(name) ? keyOf('Hartanto') : keyOf(name, 'Hartanto')
    return [
      [`${name} Hartanto`, key],
      [`${name} Hartanto, S.Kep., Ners`, key],
      [`dr. ${name} Hartanto, Sp.PD`, key]
    ]
  })
  assert.deepEqual(wrongKeys(texts), [])
})

test('a name stays between titles, also where it could be one', () => {
  const texts = names.flatMap((name): [string, string][] => [
    [`dr. ${name}, Sp.PD`, keyOf(name)],
    [`${name}, S.Kep., Ners`, keyOf(name)],
    [`dr. ${name} S.Ked`, keyOf(name)],
    [`${name} S.Kep`, keyOf(name)]
  ])
  assert.deepEqual(wrongKeys(texts), [])
})

test('a name after a comma stays, although its letters could be a consultant’s title', () => {
  for (const name of ['Kar', 'Kap', 'Kos', 'Kai', 'Kic']) {
    assert.equal(nameKey(`ALI, ${name.toUpperCase()}`), keyOf('Ali', name))
    assert.equal(nameKey(`dr. Ali, ${name}, Sp.PD`), keyOf('Ali', name))
  }
})

test('initials and names that together look like a title stay', () => {
  const texts = ['Siti Fina Sim', 'Hartanto S.Pan', 'I.R. Hartanto', "Hartanto Sp.A Nur'aini", 'Hartanto Sp. Sim']
  for (const text of texts) assert.equal(splitName(text, null, null).name, text)
})

/** Spellings of a title: as the table has it, with a dot and blanks, without dots, spelt out. */
const spellings = (title: string) => [
  title,
  `${title}.`,
  title.replaceAll('.', '. '),
  title.replaceAll('.', ' '),
  title.replaceAll('.', '').toUpperCase()
]

test('a rank that is also a name is removed only before a corps or another title', () => {
  for (const text of ['Mayor Ckm (K) dr. Siti Aminah', 'Kolonel dr. Siti Aminah', 'Mayor Kes Siti Aminah']) {
    assert.equal(nameKey(text), 'AMINAH SITI', text)
  }
  assert.equal(nameKey('Siti Aminah, Mayor Ckm'), 'AMINAH SITI')
  assert.equal(nameKey('Mayor Hartanto'), 'HARTANTO MAYOR')
  assert.equal(nameKey('Prada Hartanto'), 'HARTANTO PRADA')
})

test('each group of titles names its publication', () => {
  const table = readContract('titles.json') as Record<string, { source?: string } | { source?: string }[] | string>
  for (const [name, groups] of Object.entries(table).filter(([key]) => key !== '$comment')) {
    for (const group of [groups].flat()) assert.ok(typeof group === 'object' && group.source, name)
  }
})

test('each title before a name is removed', () => {
  for (const title of prefixTitles.flatMap(item => [item, `${item}.`, item.replaceAll('.', ''), item.toUpperCase()])) {
    assert.deepEqual(splitName(`${title} Siti Aminah`, null, null), {
      name: 'Siti Aminah',
      titlePrefix: title,
      titleSuffix: null
    })
    assert.deepEqual(wrongKeys([[`${title} Siti Aminah`, 'AMINAH SITI']]), [])
  }
})

test('each title after a comma is removed', () => {
  for (const title of suffixTitles.flatMap(spellings)) {
    assert.deepEqual(wrongKeys([[`Siti Aminah, ${title}`, 'AMINAH SITI']]), [])
    assert.deepEqual(wrongKeys([[`dr. Siti Aminah, M.Kes, ${title}`, 'AMINAH SITI']]), [])
  }
})

test('stray dots and blanks in a title after a comma do no harm', () => {
  for (const title of suffixTitles.map(item => item.replaceAll('.', ''))) {
    for (let at = 1; at < title.length; at++) {
      for (const sign of ['.', ' ', '. ']) {
        const text = `Siti Aminah, ${title.slice(0, at)}${sign}${title.slice(at)}`
        assert.equal(splitName(text, null, null).name, 'Siti Aminah', text)
      }
    }
  }
})

test('each title after a name without a comma is removed', () => {
  for (const title of suffixTitles) {
    const clear = [`${title}.`, title.replaceAll('.', '').toUpperCase(), title.includes('.') ? title : `${title}.`]
    for (const spelling of clear) assert.equal(nameKey(`Siti Aminah ${spelling}`), 'AMINAH SITI', spelling)
    const spelt = [...title.replaceAll('.', '')].map(letter => `${letter}.`).join('')
    assert.equal(nameKey(`Siti Aminah ${spelt}`), 'AMINAH SITI', spelt)
  }
})

test('each specialist title is removed, with and without a consultant’s title after it', () => {
  for (const field of specialistFields) {
    for (const title of [`Sp.${field}`, `Sp. ${field}`, `Sp${field}`, `Sp ${field}`, `SubSp.${field}`]) {
      for (const more of ['', '(K)', ' (K)', '-KGEH', '.K']) {
        const texts: [string, string][] = [
          [`Siti Aminah, ${title}${more}`, 'AMINAH SITI'],
          [`Siti Aminah ${title}${more}`, 'AMINAH SITI']
        ]
        assert.deepEqual(wrongKeys(texts), [])
      }
    }
  }
})

test('each consultant’s title is removed after a title', () => {
  for (const title of consultantTitles) {
    assert.equal(nameKey(`dr. Siti Aminah, Sp.PD, ${title}`), 'AMINAH SITI')
    assert.equal(nameKey(`dr. Siti Aminah, Sp.PD-${title}`), 'AMINAH SITI')
    assert.equal(nameKey(`dr. Siti Aminah, Sp.PD ${title}`), 'AMINAH SITI')
  }
})
