/** A kind of personal data, as a notice of a breach names it. */
export type DataKind = 'name' | 'birth' | 'sex' | 'nik' | 'licence' | 'education' | 'row' | 'history'

export const dataKinds: Record<DataKind, { en: string; id: string }> = {
  name: { en: 'name and titles', id: 'nama dan gelar' },
  birth: { en: 'place and date of birth', id: 'tempat dan tanggal lahir' },
  sex: { en: 'sex', id: 'jenis kelamin' },
  nik: { en: 'the whole NIK', id: 'NIK lengkap' },
  licence: { en: 'STR number, profession, status and validity', id: 'nomor STR, profesi, status, dan masa berlaku' },
  education: { en: 'institution and year of graduation', id: 'perguruan tinggi dan tahun lulus' },
  row: {
    en: 'the row as KKI sent it, long numbers masked',
    id: 'baris sebagaimana dikirim KKI, angka panjang disamarkan'
  },
  history: {
    en: 'history of the record and who saw it',
    id: 'riwayat catatan dan siapa yang melihatnya'
  }
}

const person: DataKind[] = ['name', 'birth', 'sex', 'licence', 'education']

/**
 * The personal data that each channel shows. A channel that is missing here records nothing, so a test compares the list
 * with the routes. Questions to KKI are not listed: they name only an STR, and `kki.retry_item` stores each one.
 */
export const channels = {
  'POST /v1/health-workers/search': person,
  'POST /v1/health-workers/search-by-nik': person,
  'GET /v1/health-workers/:id': person,
  'GET /v1/health-workers/:id/history': ['name', 'licence', 'history'],
  'PATCH /v1/health-workers/:id': person,
  'POST /v1/health-workers/:id/reveal': ['nik'],
  'POST /v1/person-reports': [...person, 'history'],
  'GET /v1/batches/:id/changes': person,
  'POST /v1/batches/:id/changes/search': person,
  'POST /v1/batches/:id/changes/export': person,
  'POST /v1/batches/:id/evidence': person,
  'GET /v1/batches/:id/rejections': ['licence'],
  'GET /v1/registrations/not-listed': ['licence'],
  'GET /v1/rejections': ['licence'],
  'POST /v1/rejections/names': ['name'],
  'POST /v1/rejections/search': ['name'],
  'GET /v1/rejections/:id': [...person, 'row'],
  'POST /v1/rejections/:id/resolve': ['licence'],
  'POST /v1/rejections/:id/resolve/preview': ['name', 'licence'],
  'POST /v1/rejections/:id/dismiss': ['licence'],
  'POST /v1/rejections/:id/reopen': ['licence'],
  odoo: person,
  'odoo rejections': ['licence'],
  'sdmk rejections': ['licence'],
  'sdmk person report': [...person, 'history']
} as const satisfies Record<string, readonly DataKind[]>

export type Channel = keyof typeof channels

/** Returns the kinds of data that a stored channel showed; none for a channel that no longer exists. */
export function kindsOf(channel: string): readonly DataKind[] {
  return channels[channel as Channel] ?? []
}
