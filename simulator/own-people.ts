import { defaultBrokenShare, defaultSeed, Population } from './population.ts'
import { share } from './random.ts'

export interface OwnPeopleOptions {
  /** Number of rows of the simulated KKI. SDMK also has some of their people. */
  rows: number
  count: number
  seed?: number
}

/** Counts of SDMK's own people: those that KKI lists too, and among them those with a licence or with an error. */
const KNOWN_TO_KKI_SHARE = 0.5
const LICENCE_SHARE = 0.2
const OTHER_PLACE_SHARE = 0.1
const OTHER_NAME_SHARE = 0.02
const SALT = { known: 81, licence: 82, place: 83, name: 84 }
/** A separate population: people that KKI does not list. */
const OWN_SEED = 7919

type Row = Record<string, string | null>
const personColumns = ['nik', 'nama', 'gelar_depan', 'gelar_belakang', 'tempat_lahir', 'tanggal_lahir', 'jenis_kelamin']
const licenceColumns = ['nomor_str', 'profesi', 'status_str', 'tanggal_terbit', 'berlaku_sampai']

/**
 * Yields invented people of SDMK's own registry, one row for `sdmk import` each. KKI lists half of them too: some with another
 * birthplace (SDMK keeps its own), a few with a NIK that KKI has under another name. Equal options give equal people.
 */
export function* ownPeople({ rows, count, seed = defaultSeed }: OwnPeopleOptions): Generator<Row, void, void> {
  const kki = new Population({ seed, rows, brokenShare: defaultBrokenShare })
  const own = new Population({ seed: seed + OWN_SEED, rows: count * 2, brokenShare: 0 })
  const stride = Math.max(1, Math.floor(rows / Math.max(count * KNOWN_TO_KKI_SHARE, 1)))
  let met = 0
  let made = 0
  for (let i = 0; made < count && i < count * 2; i++) {
    const isKnown = share(seed, SALT.known, i) < KNOWN_TO_KKI_SHARE && met * stride < rows
    const index = isKnown ? met++ * stride : i
    const population = isKnown ? kki : own
    if (population.kindOf(index) !== 'ordinary') continue
    const record = JSON.parse(population.recordOf(index).json) as Row
    const hasLicence = isKnown && share(seed, SALT.licence, i) < LICENCE_SHARE
    const row = Object.fromEntries(
      [...personColumns, ...(hasLicence ? licenceColumns : [])].map(column => [column, record[column] ?? null])
    )
    if (isKnown && share(seed, SALT.place, i) < OTHER_PLACE_SHARE) row.tempat_lahir = 'Sabang'
    if (isKnown && share(seed, SALT.name, i) < OTHER_NAME_SHARE) {
      Object.assign(row, { nama: 'Rekaan Tanpa Saudara', tanggal_lahir: '1951-02-03' })
    }
    made += 1
    yield row
  }
}
