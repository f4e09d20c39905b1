/** The columns of contracts/sources/council-spreadsheet.json. */
export const councilColumns = [
  'Nomor STR',
  'NIK',
  'Nama Lengkap',
  'Gelar Depan',
  'Gelar Belakang',
  'Tempat Lahir',
  'Tanggal Lahir',
  'Jenis Kelamin',
  'Profesi',
  'Kompetensi',
  'Status STR',
  'Tanggal Terbit',
  'Berlaku Sampai'
]

/** Of the council's list, which has columns that nobody described. */
export const header = ['No', ...councilColumns, 'Nama Ibu']

export interface Listed {
  str?: string | number
  nik?: string | number | null
  name?: string
  born?: string | Date | number
  status?: string
  place?: string
}

/** A line of the council's list about an invented person. */
export function line(n: number, given: Listed = {}): (string | number | Date | null)[] {
  const day = String((n % 28) + 1).padStart(2, '0')
  return [
    n,
    given.str ?? `EQ${String(n).padStart(14, '0')}`,
    given.nik === undefined ? `317101${day}0190${String(n).padStart(4, '0')}` : given.nik,
    given.name ?? `Orang ${'ABCDEFGHIJ'[n % 10]}${'ABCDEFGHIJ'[Math.floor(n / 10) % 10]} Rekaan`,
    'dr.',
    null,
    given.place ?? 'Bandung',
    given.born ?? `${day}-01-1990`,
    'L',
    'Dokter',
    null,
    given.status ?? 'Aktif',
    '01/02/2024',
    'Seumur Hidup',
    'Ibu Rahasia'
  ]
}

/** Returns rows as CSV. */
export function csvOf(rows: unknown[][], delimiter = ';'): string {
  return rows.map(row => row.map(cell => cell ?? '').join(delimiter)).join('\r\n')
}

/** Returns letters for a number, since names have no digits. */
export function letters(n: number): string {
  return [...String(n).padStart(4, '0')].map(digit => 'abcdefghij'[Number(digit)]).join('')
}
