/** A regency or city; `kind` is what records may write before its name. */
export interface Place {
  name: string
  kind: 'KOTA' | 'KAB.' | null
  province: string
}

export const places = [
  place('Jakarta', null, 'DKI JAKARTA'),
  place('Bandung', 'KOTA', 'JAWA BARAT'),
  place('Garut', 'KAB.', 'JAWA BARAT'),
  place('Bogor', 'KOTA', 'JAWA BARAT'),
  place('Semarang', 'KOTA', 'JAWA TENGAH'),
  place('Klaten', 'KAB.', 'JAWA TENGAH'),
  place('Banyumas', 'KAB.', 'JAWA TENGAH'),
  place('Sleman', 'KAB.', 'DI YOGYAKARTA'),
  place('Yogyakarta', 'KOTA', 'DI YOGYAKARTA'),
  place('Surabaya', 'KOTA', 'JAWA TIMUR'),
  place('Malang', 'KOTA', 'JAWA TIMUR'),
  place('Jember', 'KAB.', 'JAWA TIMUR'),
  place('Serang', 'KOTA', 'BANTEN'),
  place('Medan', 'KOTA', 'SUMATERA UTARA'),
  place('Padang', 'KOTA', 'SUMATERA BARAT'),
  place('Palembang', 'KOTA', 'SUMATERA SELATAN'),
  place('Banda Aceh', 'KOTA', 'ACEH'),
  place('Pekanbaru', 'KOTA', 'RIAU'),
  place('Denpasar', 'KOTA', 'BALI'),
  place('Mataram', 'KOTA', 'NUSA TENGGARA BARAT'),
  place('Kupang', 'KOTA', 'NUSA TENGGARA TIMUR'),
  place('Pontianak', 'KOTA', 'KALIMANTAN BARAT'),
  place('Banjarmasin', 'KOTA', 'KALIMANTAN SELATAN'),
  place('Samarinda', 'KOTA', 'KALIMANTAN TIMUR'),
  place('Makassar', 'KOTA', 'SULAWESI SELATAN'),
  place('Bone', 'KAB.', 'SULAWESI SELATAN'),
  place('Manado', 'KOTA', 'SULAWESI UTARA'),
  place('Ambon', 'KOTA', 'MALUKU'),
  place('Ternate', 'KOTA', 'MALUKU UTARA'),
  place('Merauke', 'KAB.', 'PAPUA SELATAN'),
  place('Jayapura', 'KOTA', 'PAPUA'),
  place('Sorong', 'KOTA', 'PAPUA BARAT DAYA')
] as const satisfies readonly [Place, ...Place[]]

/** Two lists without a common name, so that a foreign national's place says which half of the numbers it came from. */
export const foreignPlaces = [
  ['Kuala Lumpur', 'Singapura', 'Manila', 'Bangkok'],
  ['Osaka', 'Seoul', 'Chennai', 'Kairo']
] as const

/** Makassar's official name between these years (PP 51/1971, PP 86/1999). */
export const UJUNG_PANDANG = { name: 'Ujung Pandang', from: 1971, to: 1999 }

/**
 * First four digits of a NIK in two lists without a common entry. Codes that regions lost when Papua was divided
 * (9101, 9271) stay in use, as a NIK never changes; 9801 belongs to no region in any table.
 */
export const nikRegions = [
  ['3171', '3273', '3205', '3374', '3310', '3578', '3509', '1271', '1671', '5171', '7371', '9101', '9201', '9103'],
  ['3174', '3271', '3302', '3404', '3471', '3573', '3673', '1371', '1471', '6171', '7308', '9271', '9301', '9801']
] as const satisfies readonly (readonly [string, ...string[]])[]

function place(name: string, kind: Place['kind'], province: string): Place {
  return { name, kind, province }
}
