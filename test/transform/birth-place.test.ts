import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileBirthPlaces } from '../../sidecar/transform/birth-place.ts'
import { shippedMapping } from './helpers.ts'

const keyOf = compileBirthPlaces(shippedMapping().birthPlaceAliases)

test('city and regency of one name have one key', () => {
  for (const place of ['Bandung', 'KOTA BANDUNG', 'Kab. Bandung', 'Kabupaten  Bandung', 'kab bandung']) {
    assert.deepEqual(keyOf(place, 1985), { key: 'BANDUNG', fitsPeriod: true })
  }
})

test('a place whose name begins with the word for city keeps it', () => {
  assert.equal(keyOf('Kotabaru', null)?.key, 'KOTABARU')
  assert.equal(keyOf('Kota Baru', null)?.key, 'KOTABARU')
})

test('Ujung Pandang is Makassar for all people born until 1999, because papers of 1971 to 1999 use it for older people too', () => {
  for (const year of [1938, 1970, 1971, 1999, null])
    assert.deepEqual(keyOf('Ujung Pandang', year), { key: 'MAKASSAR', fitsPeriod: true })
  assert.deepEqual(keyOf('Ujung Pandang', 2000), { key: 'UJUNG PANDANG', fitsPeriod: false })
  for (const place of ['Kota Makassar', 'Ujungpandang', 'Ujung Pandang, Sulawesi Selatan'])
    assert.deepEqual(keyOf(place, 1985), { key: 'MAKASSAR', fitsPeriod: true })
})

/** Ways to write one place, and its key. */
const spellings: [key: string, places: string][] = [
  ['SURAKARTA', 'Solo|Surakarta|Kota Surakarta|Kodya Surakarta'],
  ['BULELENG', 'Singaraja|Buleleng|Kab. Buleleng|Singaraja (Buleleng)|Singaraja, Bali'],
  [
    'YOGYAKARTA',
    'Jogja|Yogya|DIY|D.I. Yogyakarta|DI Yogyakarta|Jogjakarta|Djokjakarta|Kota Yogyakarta|Yogyakarta, DIY'
  ],
  [
    'BANDUNG',
    'Bandung, Jawa Barat|Bandung Jawa Barat|Bandung (Jabar)|Bandung (Kota)|Bandung (Kab.)|Bandung Kota|Kodia Bandung|' +
      'Kodya Bandung|Kotamadya Bandung|Kota Madya Bandung|Kota Adm. Bandung|Kotamadya Dati II Bandung|Bandoeng|' +
      'Kabupaten Daerah Tingkat II Bandung|Bandung - Jawa Barat|Bandung, Indonesia'
  ],
  ['JAKARTA', 'Jakarta|DKI Jakarta|Djakarta|Batavia|Jakarta, DKI Jakarta|DKI'],
  [
    'BANDAR LAMPUNG',
    'Bandar Lampung|Bandarlampung|Tanjung Karang|Tanjungkarang|Tj. Karang|Tg. Karang|B. Lampung|Teluk Betung'
  ],
  ['PEMATANG SIANTAR', 'Pematang Siantar|Pematangsiantar|P. Siantar|P.Siantar|Siantar|Kota Pematangsiantar'],
  ['BANDA ACEH', 'Banda Aceh|B. Aceh|Kutaraja|Koetaradja|Banda Aceh, NAD'],
  ['BUKITTINGGI', 'Bukittinggi|Bukit Tinggi|Kota Bukit Tinggi|Bkt. Tinggi|Bukittinggi, Sumbar'],
  ['SAWAHLUNTO', 'Sawahlunto|Sawah Lunto'],
  ['PALANGKA RAYA', 'Palangkaraya|Palangka Raya'],
  ['PANGKAL PINANG', 'Pangkalpinang|Pkl. Pinang|P. Pinang'],
  ['TANJUNG PINANG', 'Tanjungpinang|Tj. Pinang|Tg Pinang|Tanjung Pinang, Kepri'],
  ['KEPULAUAN SERIBU', 'Kepulauan Seribu|Kep. Seribu|Kab. Adm. Kepulauan Seribu'],
  ['JAYAPURA', 'Jayapura|Hollandia|Jayapura, Irian Jaya|Sukarnapura'],
  ['PAPUA', 'Irian Jaya|Papua|Prov. Papua|Irian Barat'],
  ['SURABAYA', 'Surabaya|Soerabaja|Sby|Surabaya - Jatim'],
  ['CIREBON', 'Cirebon|Tjirebon|Kab Cirebon']
]

test('all ways to write a place have one key', () => {
  for (const [key, places] of spellings) {
    for (const place of places.split('|').flatMap(text => [text, text.toUpperCase(), text.toLowerCase()])) {
      assert.deepEqual(keyOf(place, 1960), { key, fitsPeriod: true }, place)
    }
  }
})

test('a subdistrict, or the seat of a regency, is near to the regency but not equal', () => {
  for (const place of [
    'Cicendo',
    'Kec. Cicendo',
    'Cicendo, Bandung',
    'Cicendo, Kota Bandung, Jawa Barat',
    'Kec. Cicendo Kota Bandung'
  ])
    assert.equal(keyOf(place, 1985)?.key, 'BANDUNG/CICENDO', place)
  assert.equal(keyOf('Purwokerto', 1985)?.key, 'BANYUMAS/PURWOKERTO')
  assert.equal(keyOf('Lubuk Pakam', 1985)?.key, 'DELI SERDANG/LUBUK PAKAM')
  for (const place of ['Jakarta Selatan', 'Kota Adm. Jakarta Selatan', 'Jaksel', 'Jakarta Selatan, DKI Jakarta'])
    assert.equal(keyOf(place, 1985)?.key, 'JAKARTA/JAKARTA SELATAN', place)
})

test('a name that several regions share, or that no list has, stays unchanged', () => {
  for (const [place, key] of [
    ['Ambarawa', 'AMBARAWA'],
    ['Leiden', 'LEIDEN'],
    ['Leiden, Belanda', 'LEIDEN BELANDA'],
    ['Padang, Bandung', 'PADANG BANDUNG'],
    ['Jawa Barat', 'JAWA BARAT'],
    ['Kota', 'KOTA']
  ] as const)
    assert.equal(keyOf(place, null)?.key, key)
})

test('the mapping of a place comes before the table', () => {
  const own = compileBirthPlaces([{ value: 'Solo', key: 'Solok', bornFrom: 1980 }])
  assert.deepEqual(own('Solo', 1985), { key: 'SOLOK', fitsPeriod: true })
  assert.deepEqual(own('Solo', 1970), { key: 'SOLO', fitsPeriod: false })
})

test('punctuation alone is not a place', () => {
  assert.equal(keyOf('- .', 1985), null)
})
