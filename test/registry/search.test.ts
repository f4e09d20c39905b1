import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { nameKeyOf, readCallerText, spellingsOfStr } from '../../sidecar/registry/search/caller-text.ts'
import { createLikeness, leastLikeness } from '../../sidecar/registry/search/rank.ts'
import { nearSounds, readingsOf } from '../../sidecar/registry/search/spellings.ts'

const likeness = (sought: string, stored: string) => createLikeness(nameKeyOf(sought))(nameKeyOf(stored))

describe('the words of a caller', () => {
  test('an STR and a name are distinguished, whatever stands before them', () => {
    const str = '3111100220999999'
    for (const [text, nameKey] of [
      ['31.1.1.100.2.20-999999 a.n. dr. Budi', 'BUDI'],
      ['No. STR: 3111 1002 2099 9999', ''],
      ['Pak Budi Santoso, 3111100220999999', 'BUDI SANTOSO']
    ] as const) {
      const read = readCallerText(text)
      assert.ok(read.strNumbers.includes(str), text)
      assert.equal(read.nameKey, nameKey, text)
    }
    assert.deepEqual(readCallerText('Noerhajati'), { strNumbers: [], nameKey: 'NOERHAJATI' })
    assert.deepEqual(readCallerText('Budi 2'), { strNumbers: [], nameKey: 'BUDI' })
  })

  test('the unchanged STR comes before the STR with letters read as digits', () => {
    assert.deepEqual(spellingsOfStr('ob-12345678901234').slice(0, 2), ['OB12345678901234', '0812345678901234'])
    assert.equal(spellingsOfStr('3I1110O220999999')[0], '3I1110O220999999')
    assert.ok(spellingsOfStr('3I1110O220999999').includes('3111100220999999'))
  })

  test('a name that is equal comes before one that is written otherwise, and this before another name', () => {
    for (const [sought, equal, alike, other] of [
      ['Desi Ratnasari', 'Desi Ratnasari', 'Desy Ratnasari', 'Desi Ratnawati'],
      ['Suharto', 'Suharto', 'Soeharto', 'Suharti'],
      ['Rina Wati', 'Wati Rina', 'Rina Watti', 'Rini Wati'],
      ['Joko Wijaya', 'Joko Wijaya', 'Djoko Widjaja', 'Joko Wibowo']
    ] as const) {
      const [first, second, third] = [equal, alike, other].map(stored => likeness(sought, stored)) as [
        number,
        number,
        number
      ]
      assert.equal(first, 1, sought)
      assert.ok(second < first && third < second, `${sought}: ${[first, second, third]}`)
    }
  })

  test('two names that share nothing but a common word are not alike', () => {
    assert.ok(likeness('Siti Aminah', 'Siti Rohani') < leastLikeness)
    assert.ok(likeness('Muhammad Rizki', 'Muhammad Fauzan') < leastLikeness)
  })

  test('the longest text makes few searches', () => {
    for (const text of [
      'A'.repeat(200),
      'ABCDEFGH '.repeat(22),
      'AB '.repeat(66),
      'A B C D E F G H I J K L M '.repeat(7)
    ]) {
      const readings = readingsOf(nameKeyOf(text) || text.trim())
      const words = readings.reduce((sum, reading) => sum + reading.length, 0)
      assert.ok(words <= 200, `${words} words in all readings of ${text.slice(0, 20)}`)
    }
    assert.ok(nearSounds('BCGJKLMNPRST').length < 400)
  })
})
