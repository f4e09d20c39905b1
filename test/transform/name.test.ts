import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { nameKey, namesCompatible, splitName } from '../../sidecar/transform/name.ts'

const split = (text: string, prefix: string | null = null, suffix: string | null = null) => {
  const { name, titlePrefix, titleSuffix } = splitName(text, prefix, suffix)
  return [titlePrefix, name, titleSuffix]
}

test('titles are removed with any dots, blanks and letter case', () => {
  for (const title of ['A.Md.Ft', 'A. Md. Ft', 'AMD.FT', 'Amd Ft', 'A. MD. FT.']) {
    assert.deepEqual(split(`Siti Aminah ${title}`), [null, 'Siti Aminah', title])
    assert.deepEqual(split(`SITI AMINAH, ${title}`), [null, 'SITI AMINAH', title])
  }
  assert.deepEqual(split('dr.Siti Aminah'), ['dr.', 'Siti Aminah', null])
  assert.deepEqual(split('Dr.dr.Budi, Sp.KG (K)'), ['Dr. dr.', 'Budi', 'Sp.KG (K)'])
  assert.deepEqual(split('Hj. Ns. Dewi Lestari S.Kep., Ners'), ['Hj. Ns.', 'Dewi Lestari', 'S.Kep., Ners'])
  assert.deepEqual(split('apt. Rina, S.Farm., Apt'), ['apt.', 'Rina', 'S.Farm., Apt'])
  assert.deepEqual(split('BUDI SKM'), [null, 'BUDI', 'SKM'])
})

test('a name after the comma is a name', () => {
  assert.deepEqual(split('Ali, Kurnia'), [null, 'Ali Kurnia', null])
  assert.deepEqual(split('dr., Siti'), ['dr.', 'Siti', null])
})

test('a title-like word within a name in capitals stays', () => {
  assert.deepEqual(split('SITI MARS'), [null, 'SITI MARS', null])
  assert.deepEqual(split('St. Aminah'), [null, 'St. Aminah', null])
  assert.deepEqual(split('Rahman Kho'), [null, 'Rahman Kho', null])
  assert.deepEqual(split('M. Amin'), [null, 'M. Amin', null])
})

test('titles alone leave no name', () => {
  for (const text of ['dr. -', 'Prof. Dr.', 'H', 'S.Kep', 'drg, Sp.KG']) assert.equal(split(text)[1], '', text)
})

test('titles from their own fields come first and are not repeated', () => {
  assert.deepEqual(split('dr. Budi, S. Ked., Sp.PD', 'Dr. dr.', 'S.Ked'), ['Dr. dr.', 'Budi', 'S.Ked, Sp.PD'])
})

test('all clear spellings of Muhammad have one key', () => {
  const spellings = 'Muhammad Muhamad Mohammad Mohamad Mohamed Mohammed Mochammad Mochamad Muchamad Mukhamad Moehammad'
  const short = 'Moh Moh. Moch. Much. Muh. Mohd Mohd. Muhd. Mhd.'
  for (const spelling of `${spellings} ${short}`.split(' ')) assert.equal(nameKey(`${spelling} Amin`), 'AMIN MUHAMMAD')
  for (const other of ['M. Amin', 'Mahmud Amin', 'Mukti Amin', 'Maria Amin']) {
    assert.doesNotMatch(nameKey(other), /MUHAMMAD/)
  }
})

test('bin and binti are part of the name', () => {
  assert.equal(nameKey('Ahmad bin Ali'), 'AHMAD ALI BIN')
})

test('apostrophes and hyphens join, other punctuation separates, diacritics fold', () => {
  for (const text of ["Nur'aini", 'Nur’aini', 'Nur-Aini', 'NURAINI']) assert.equal(nameKey(text), 'NURAINI')
  assert.equal(nameKey('Agus/Budi (bin Ali)'), 'AGUS ALI BIN BUDI')
  assert.equal(nameKey('José'), 'JOSE')
})

test('a key has only letters: digits and signs are not a name', () => {
  for (const text of ['', ' ', '-', '123', '?!', '\u{1f600}']) assert.equal(nameKey(text), '')
})

test('the key of a key is that key', () => {
  const words = fc.array(
    fc.constantFrom('Budi', 'H', 'Apt', 'SKM', 'M.', 'dr.', 'Sp.PD', 'Moch', 'ST', ',', '-', 'Kes', 'ß', 'İ')
  )
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    words.map(list => list.join(' '))
  )
  fc.assert(fc.property(text, name => assert.equal(nameKey(nameKey(name)), nameKey(name))))
})

test('order, case and titles do not change the key', () => {
  const core = fc.shuffledSubarray(['Siti', 'Aminah', 'Nur', 'Lestari', 'Moch', 'Hidayat', 'Yusuf'], { minLength: 1 })
  const prefix = fc.constantFrom('', 'dr. ', 'Prof. Dr. ', 'Hj. ', 'Ns. ', 'apt. ', 'drg ')
  const suffix = fc.constantFrom('', ', S.Kep., Ners', ' A. Md. Keb', ', Sp.PD-KGEH', ' S.Farm., Apt', ', M.Kes, MARS')
  const casing = fc.constantFrom(
    (text: string) => text,
    (text: string) => text.toUpperCase(),
    (text: string) => text.toLowerCase()
  )
  fc.assert(
    fc.property(core, prefix, suffix, casing, (words, before, behind, cased) => {
      const dressed = cased(`${before}${words.toReversed().join(' ')}${behind}`)
      assert.equal(nameKey(dressed), nameKey(words.join(' ')), dressed)
    })
  )
})

test('names are compatible if one contains the other and two words are shared', () => {
  assert.ok(namesCompatible('SUKARNO', 'SUKARNO'))
  assert.ok(namesCompatible('AMINAH SITI', 'AMINAH NUR SITI'))
  assert.ok(namesCompatible('AMINAH NUR SITI', 'AMINAH SITI'))
  assert.ok(!namesCompatible('AMINAH', 'AMINAH SITI'))
  assert.ok(!namesCompatible('AINA NUR', 'AINI NUR'))
  assert.ok(!namesCompatible('AMINAH NUR', 'AMINAH SITI'))
})

test('an apostrophe or a hyphen is the same in every typed form', () => {
  for (const sign of '\'"`´ʹʺʻʼʽʾʿˈˊˋ‘’‚‛“”„‟′‵＇＂｀ꞌ-‐‑‒–—―−﹣－⁃') {
    assert.equal(nameKey(`Nur${sign}aini`), 'NURAINI', sign.codePointAt(0)?.toString(16))
  }
  assert.equal(nameKey('Ｎｕｒ ａｉｎｉ'), nameKey('Nur Aini'))
})

test('a name is not a title because of its first letters', () => {
  assert.equal(nameKey('Spanky Manopo'), 'MANOPO SPANKY')
  for (const name of ['Spanky', 'Spankie', 'Spakia', 'Spukani'])
    assert.deepEqual(split(`Budi ${name}`)[1], `Budi ${name}`)
  assert.deepEqual(split('Budi SpOGKFER'), [null, 'Budi', 'SpOGKFER'])
})
