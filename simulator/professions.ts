import type { Role } from './layout.ts'
import { share } from './random.ts'

/** What records of one profession look like. Weights follow the register's published counts, in thousands. */
export interface Profession {
  code: string
  weight: number
  womenShare: number
  /** Titles before and after the name, the usual one first. */
  prefixes: readonly [string, ...string[]]
  suffixes: readonly [string, ...string[]]
  competences: readonly [string | null, ...(string | null)[]]
  /** An older code that a few records still carry. */
  alias?: string
}

const SPECIALISTS = ['Sp.PD', 'Sp.A', 'Sp.OG', 'Sp.B', 'Sp.An', 'Sp.JP', 'Sp.M', 'Sp.N'] as const

const table = [
  one('DOKTER', 201, 0.55, ['dr.'], ['', 'M.Kes.']),
  one('DOKTER_SPESIALIS', 48, 0.45, ['dr.', 'Dr. dr.'], SPECIALISTS, ['Spesialis Penyakit Dalam', 'Spesialis Anak']),
  one('DOKTER_GIGI', 59, 0.7, ['drg.'], ['', 'M.Kes.']),
  one('PERAWAT', 540, 0.7, [''], ['A.Md.Kep.', 'S.Kep.', 'AMK']),
  one('NERS', 154, 0.7, ['Ns.', ''], ['S.Kep.', 'S.Kep., Ns.'], [null], 'PERAWAT_NERS'),
  one('BIDAN', 489, 1, [''], ['A.Md.Keb.', 'S.Tr.Keb.', 'S.Keb.']),
  one('APOTEKER', 87, 0.75, ['apt.'], ['S.Farm.', 'S.Farm., M.Farm.']),
  one('TENAGA_TEKNIS_KEFARMASIAN', 90, 0.75, [''], ['A.Md.Farm.', 'S.Farm.']),
  one('TENAGA_TEKNOLOGI_LABORATORIUM_MEDIK', 80, 0.7, [''], ['A.Md.Kes.', 'S.Tr.Kes.'], [null], 'ANALIS_KESEHATAN'),
  one('NUTRISIONIS', 54, 0.8, [''], ['A.Md.Gz.', 'S.Gz.']),
  one('RADIOGRAFER', 25, 0.45, [''], ['A.Md.Kes.', 'S.Tr.Kes.']),
  one('FISIOTERAPIS', 20, 0.55, [''], ['A.Md.Kes.', 'S.Tr.Kes.']),
  one('SANITASI_LINGKUNGAN', 40, 0.6, [''], ['A.Md.KL.', 'S.K.M.']),
  one('PEREKAM_MEDIS', 30, 0.65, [''], ['A.Md.Kes.', 'S.Tr.Kes.']),
  one('PENATA_ANESTESI', 8, 0.4, [''], ['A.Md.Kes.', 'S.Tr.Kes.']),
  one('PSIKOLOG_KLINIS', 5, 0.75, [''], ['M.Psi., Psikolog', 'S.Psi., M.Psi., Psikolog'])
] as const satisfies readonly Profession[]

const byCode = new Map<string, Profession>(table.map(profession => [profession.code, profession]))
const totalWeight = table.reduce((sum, { weight }) => sum + weight, 0)

/** First profession and the one that its holder registers for later. */
const CAREERS = [
  ['DOKTER', 'DOKTER_SPESIALIS'],
  ['PERAWAT', 'NERS'],
  ['BIDAN', 'PERAWAT'],
  ['TENAGA_TEKNIS_KEFARMASIAN', 'APOTEKER']
] as const

const SALT = { profession: 11, career: 12, alias: 13 }
/** Of the records of a profession that has an old code; about 0.1 % of all. */
const ALIAS_SHARE = 0.006

/** The codes of valid generated records, without old codes. */
export const professionCodes: readonly string[] = table.map(({ code }) => code)

/** A code that no mapping lists. */
export const UNKNOWN_PROFESSION = 'PENGOBAT_ALTERNATIF'

/** Returns the profession of a record, as its title and competence follow from it. */
export function professionOf(seed: number, index: number, role: Role): Profession {
  const { kind, leader } = role
  if (kind === 'shared-str') return profession(index === leader ? 'DOKTER' : 'DOKTER_SPESIALIS')
  if (kind === 'second-registration') return careerOf(seed, leader)[1]
  return drawnProfession(seed, leader)
}

/** Returns the profession of a first registration, whose second one is active in another. */
export function firstOfCareer(seed: number, leader: number): Profession {
  return careerOf(seed, leader)[0]
}

/** Returns the code as the record carries it: an old one for a few, where `mayAlias`. */
export function writtenCode(seed: number, index: number, { code, alias }: Profession, mayAlias: boolean): string {
  return alias !== undefined && mayAlias && share(seed, SALT.alias, index) < ALIAS_SHARE ? alias : code
}

function careerOf(seed: number, leader: number): [Profession, Profession] {
  const [first, second] = CAREERS[Math.floor(share(seed, SALT.career, leader) * CAREERS.length)] ?? CAREERS[0]
  return [profession(first), profession(second)]
}

function drawnProfession(seed: number, index: number): Profession {
  let rest = share(seed, SALT.profession, index) * totalWeight
  for (const candidate of table) {
    rest -= candidate.weight
    if (rest < 0) return candidate
  }
  return table[0]
}

function profession(code: string): Profession {
  return byCode.get(code) ?? table[0]
}

function one(
  code: string,
  weight: number,
  womenShare: number,
  prefixes: Profession['prefixes'],
  suffixes: Profession['suffixes'],
  competences: Profession['competences'] = [null],
  alias?: string
): Profession {
  const common = { code, weight, womenShare, prefixes, suffixes, competences }
  return alias === undefined ? common : { ...common, alias }
}
