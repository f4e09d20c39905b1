import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { nameKey, namesCompatible } from '../../sidecar/transform/name.ts'

interface Parts {
  given: string[]
  family: string[]
  before: { titles: string[] }[]
  behind: { titles: string[] }[]
}

const parts = JSON.parse(readFileSync(`${import.meta.dirname}/name-forms.json`, 'utf8')) as Parts
const befores = parts.before.flatMap(group => group.titles)
const behinds = parts.behind.flatMap(group => group.titles)

interface Form {
  text: string
  key: string
}

/** Where titles and words of a name stand, as lists of names are printed and typed. */
const layouts: ((before: string, given: string, family: string, behind: string) => string)[] = [
  (before, given, family, behind) => `${before} ${given} ${family}, ${behind}`,
  (before, given, family, behind) => `${before} ${given} ${family}, ${behind}`.toUpperCase(),
  (before, given, family, behind) => `${before} ${given} ${family}, ${behind}`.toLowerCase(),
  (before, given, family, behind) => `${before} ${given} ${family},${behind.replaceAll(', ', ',')}`,
  (before, given, family, behind) => `${before} ${given} ${family} , ${behind}.`,
  (before, given, family, behind) => `${before} ${family} ${given}, ${behind}`,
  (_, given, family, behind) => `${given} ${family}, ${behind}`,
  (before, given, family, behind) => `${family}, ${before} ${given}, ${behind}`,
  (before, given, family, behind) => `${given} ${family}, ${behind}, ${before}`,
  (_, given, family, behind) => `${given.replaceAll('’', "'")} ${family}, ${behind.replaceAll('.', '. ')}`,
  (_, given, family, behind) => `${given.replaceAll('’', '`')} ${family}, ${behind.replaceAll('.', '')}`,
  (_, given, family, behind) =>
    `${given.replaceAll('’', '')} ${family.replaceAll('-', '')}, ${behind.replaceAll('. ', '.')}`
]

/** The key by construction: the words of the name, never the code under test. */
const keyOf = (given: string, family: string) =>
  [...new Set(`${given} ${family}`.toUpperCase().replaceAll(/[’-]/g, '').split(' '))].sort().join(' ')

function pick<T>(list: readonly T[], at: number): T {
  return list[at % list.length] as T
}

function buildForms(): Form[] {
  const forms: Form[] = []
  for (const [row, behind] of behinds.entries()) {
    for (const [at, layout] of layouts.entries()) {
      for (const round of [0, 1]) {
        const given = pick(parts.given, row * 7 + at * 5 + round * 11)
        const family = pick(parts.family, row * 11 + at * 3 + round * 13)
        const before = pick(befores, row + at * 17 + round * 29)
        forms.push({ text: layout(before, given, family, behind), key: keyOf(given, family) })
      }
    }
  }
  return forms
}

const forms = buildForms()
const wrong = (list: Form[]) =>
  list.filter(({ text, key }) => nameKey(text) !== key).map(({ text, key }) => `${text}: ${nameKey(text)}, not ${key}`)

test('at least 5,000 different forms of names with titles', () => {
  assert.ok(new Set(forms.map(({ text }) => text)).size >= 5000)
})

test('titles before a name and after a comma are removed in every layout', () => {
  assert.deepEqual(wrong(forms), [])
})

test('titles before a name are removed for each of the names', () => {
  const list = befores.flatMap((before, row) =>
    parts.given.map((given, at) => {
      const family = pick(parts.family, row + at)
      return { text: `${before} ${given} ${family}`, key: keyOf(given, family) }
    })
  )
  assert.deepEqual(wrong(list), [])
})

/** Without a comma two letters, and names, stay if nothing shows that they are titles. */
const isClear = (title: string) => title.replace(/[^A-Za-z]/g, '').length > 2 && !/^Sp\.\p{L}$|\) RI$/u.test(title)

test('titles without a comma, and between the words of a name, are removed if they are clear', () => {
  const clear = behinds.filter(title => /\p{L}\.\p{L}/u.test(title) && !title.includes(',') && isClear(title))
  const list = clear.flatMap((behind, row) =>
    [0, 1, 2].flatMap(round => {
      const given = pick(parts.given, row * 7 + round * 11)
      const family = pick(parts.family, row * 11 + round * 13)
      const key = keyOf(given, family)
      return [
        { text: `${given} ${family} ${behind}`, key },
        { text: `dr. ${given} ${family} ${behind}.`.toUpperCase(), key },
        { text: `${given} ${behind.replace(/[,.]*$/, '')} ${family}`, key }
      ]
    })
  )
  assert.ok(list.length > 1000)
  assert.deepEqual(wrong(list), [])
})

test('a single letter before a name is kept, so that different names stay different', () => {
  for (const letter of ['H', 'M', 'R', 'K', 'A', 'T', 'I']) {
    for (const family of parts.family) {
      for (const text of [
        `${letter}. ${family}`,
        `${letter} ${family}`,
        `dr. ${letter}. ${family}, Sp.PD`,
        `${letter}.${family}`
      ]) {
        assert.notEqual(nameKey(text), nameKey(family), text)
        assert.equal(nameKey(text), keyOf(letter, family), text)
      }
    }
  }
})

test('a name of two words is compatible with and without the letter', () => {
  for (const given of parts.given) {
    const plain = nameKey(`${given} Siregar`)
    const pilgrim = nameKey(`H. ${given} Siregar`)
    assert.notEqual(pilgrim, plain)
    assert.ok(namesCompatible(pilgrim, plain))
  }
})

test('a letter that can only be a title is removed', () => {
  for (const text of ['H. dr. Ahmad Fauzi', 'H. Drs. Ahmad Fauzi', 'Drs. H. apt. Ahmad Fauzi', 'KH. Ahmad Fauzi']) {
    assert.equal(nameKey(text), 'AHMAD FAUZI', text)
  }
  assert.equal(nameKey('H. Moch. Fauzi'), 'FAUZI MUHAMMAD')
  assert.equal(nameKey('K.H. Ahmad Fauzi'), 'AHMAD FAUZI H K')
})
