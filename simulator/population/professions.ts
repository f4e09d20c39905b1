/** One profession as KKI lists it: its code, its share of all records in per mille, and the titles that go with it. */
interface Profession {
  code: string
  perMille: number
  /** What stands before and after the name, in pairs; empty where nothing stands. */
  titles: readonly (readonly [before: string, after: string])[]
  /** What somebody of this profession also registers as. */
  secondCode: string
  competences: readonly string[]
}

/** Shares follow the official figures of 2024 and 2025: nurses a third, midwives a quarter, doctors an eighth. */
const professions: readonly Profession[] = [
  {
    code: 'DOKTER',
    perMille: 95,
    titles: [
      ['dr.', ''],
      ['dr.', 'M.Kes.'],
      ['dr. H.', '']
    ],
    secondCode: 'DOKTER_SPESIALIS',
    competences: ['Dokter Umum']
  },
  {
    code: 'DOKTER_SPESIALIS',
    perMille: 26,
    titles: [
      ['dr.', 'Sp.PD'],
      ['dr.', 'Sp.A'],
      ['Dr. dr.', 'Sp.OG'],
      ['Prof. Dr. dr.', 'Sp.PD']
    ],
    secondCode: 'DOKTER',
    competences: ['Penyakit Dalam', 'Anak', 'Obstetri dan Ginekologi']
  },
  { code: 'DOKTER_GIGI', perMille: 28, titles: [['drg.', '']], secondCode: 'DOKTER', competences: ['Dokter Gigi'] },
  {
    code: 'PERAWAT',
    perMille: 245,
    titles: [
      ['', 'A.Md.Kep.'],
      ['', 'A.Md.Kep']
    ],
    secondCode: 'NERS',
    competences: ['Perawat Vokasi']
  },
  {
    code: 'NERS',
    perMille: 110,
    titles: [
      ['', 'S.Kep., Ners'],
      ['', 'S.Kep., Ns.'],
      ['Ns.', 'S.Kep.']
    ],
    secondCode: 'PERAWAT',
    competences: ['Ners']
  },
  {
    code: 'BIDAN',
    perMille: 250,
    titles: [
      ['', 'A.Md.Keb.'],
      ['', 'S.Tr.Keb.'],
      ['Hj.', 'A.Md.Keb.']
    ],
    secondCode: 'PERAWAT',
    competences: ['Bidan Vokasi', 'Bidan Profesi']
  },
  {
    code: 'APOTEKER',
    perMille: 45,
    titles: [
      ['apt.', 'S.Farm.'],
      ['', 'S.Farm., Apt.']
    ],
    secondCode: 'TENAGA_TEKNIS_KEFARMASIAN',
    competences: ['Apoteker']
  },
  {
    code: 'TENAGA_TEKNIS_KEFARMASIAN',
    perMille: 65,
    titles: [
      ['', 'A.Md.Farm.'],
      ['', 'S.Farm.']
    ],
    secondCode: 'APOTEKER',
    competences: ['Tenaga Vokasi Farmasi']
  },
  {
    code: 'TENAGA_TEKNOLOGI_LABORATORIUM_MEDIK',
    perMille: 42,
    titles: [
      ['', 'A.Md.Kes.'],
      ['', 'S.Tr.Kes.']
    ],
    secondCode: 'RADIOGRAFER',
    competences: ['Teknologi Laboratorium Medik']
  },
  {
    code: 'NUTRISIONIS',
    perMille: 28,
    titles: [
      ['', 'S.Gz.'],
      ['', 'A.Md.Gz.']
    ],
    secondCode: 'BIDAN',
    competences: ['Gizi']
  },
  { code: 'RADIOGRAFER', perMille: 12, titles: [['', 'A.Md.Rad.']], secondCode: 'PERAWAT', competences: ['Radiologi'] },
  {
    code: 'FISIOTERAPIS',
    perMille: 11,
    titles: [
      ['', 'A.Md.Ft.'],
      ['', 'S.Ft.']
    ],
    secondCode: 'PERAWAT',
    competences: ['Fisioterapi']
  },
  {
    code: 'SANITASI_LINGKUNGAN',
    perMille: 17,
    titles: [
      ['', 'A.Md.Kes.'],
      ['', 'S.K.M.']
    ],
    secondCode: 'NUTRISIONIS',
    competences: ['Sanitasi Lingkungan']
  },
  {
    code: 'PEREKAM_MEDIS',
    perMille: 15,
    titles: [['', 'A.Md.Kes.']],
    secondCode: 'PERAWAT',
    competences: ['Rekam Medis']
  },
  { code: 'PENATA_ANESTESI', perMille: 6, titles: [['', 'S.Tr.Kes.']], secondCode: 'NERS', competences: ['Anestesi'] },
  {
    code: 'PSIKOLOG_KLINIS',
    perMille: 5,
    titles: [['', 'M.Psi., Psikolog']],
    secondCode: 'BIDAN',
    competences: ['Psikologi Klinis']
  }
]

/** The codes that the list can be filtered by. */
export const professionCodes: readonly string[] = professions.map(({ code }) => code)

const aliases: Readonly<Record<string, string>> = {
  TENAGA_TEKNOLOGI_LABORATORIUM_MEDIK: 'ANALIS_KESEHATAN',
  NERS: 'PERAWAT_NERS'
}

/** Every word that stands in `profesi`: the codes, then old words for two of them, then one that nobody knows. */
export const professionWords: readonly string[] = [...professionCodes, ...Object.values(aliases), 'TERAPIS_BEKAM']

/** Index of the word that nobody knows. */
export const unknownProfession = professionWords.length - 1

/** Of 1,000 the place decides: one entry for each per mille. */
const byPerMille = Uint8Array.from(professions.flatMap(({ perMille }, index) => Array<number>(perMille).fill(index)))
const secondByFirst = professions.map(({ secondCode }) => professionCodes.indexOf(secondCode))
const aliasByCode = professionCodes.map(code => professionWords.indexOf(aliases[code] ?? code))

/** Returns the index of the profession that a drawn number falls on, by the professions' shares. */
export function professionOfDraw(number: number): number {
  return byPerMille[number % byPerMille.length] as number
}

/** Returns the index of another profession that somebody of `profession` may hold as well. */
export function secondProfessionOf(profession: number): number {
  return secondByFirst[profession] as number
}

/** Returns the index of the old word for `profession`, or `profession` itself where there is none. */
export function aliasOf(profession: number): number {
  return aliasByCode[profession] as number
}

/** Returns the profession that a word stands for; the unknown word goes with the first one's titles. */
export function professionOfWord(word: number): Profession {
  const meant = word < professions.length ? word : aliasByCode.indexOf(word)
  return professions[Math.max(meant, 0)] as Profession
}
