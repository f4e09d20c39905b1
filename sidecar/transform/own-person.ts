import { type BlankTest, compileBlankTest } from './blank.ts'
import { contentHash } from './content-hash.ts'
import { isTooDeep } from './depth.ts'
import { cleanValue } from './fields.ts'
import { Fields, type MappedField, type Mapping } from './mapping.ts'
import { createTransform, rowFault, tooDeep } from './transform.ts'
import type { OwnCandidate, Rejection } from './types.ts'

/** The columns of a file of SDMK's own people, and their fields. They do not depend on the names in KKI's rows. */
export const ownColumns = {
  nik: 'nik',
  nama: 'name',
  gelar_depan: 'titlePrefix',
  gelar_belakang: 'titleSuffix',
  tempat_lahir: 'birthPlace',
  tanggal_lahir: 'birthDate',
  jenis_kelamin: 'sex',
  nomor_str: 'strNumber',
  profesi: 'profession',
  kompetensi: 'competence',
  status_str: 'status',
  tanggal_terbit: 'issuedOn',
  berlaku_sampai: 'validUntil',
  institusi_pendidikan: 'institution',
  tahun_lulus: 'graduationYear',
  provinsi: 'province'
} as const satisfies Record<string, Exclude<MappedField, 'changedAt'>>

/** The time of the file is in a column that only this module writes. */
const stampColumn = 'diubah_pada'

/** The columns as field sources, in the order in which problems are reported. */
const ownFields = inOrder(
  Object.fromEntries([
    ...Object.entries(ownColumns).map(([column, field]) => [field, `/${column}`]),
    ['changedAt', `/${stampColumn}`]
  ])
)

/** Our own files have fixed formats, regardless of the source description. */
const dayFormats = ['YYYY-MM-DD', 'DD-MM-YYYY', 'D MMMM YYYY', 'instant']
const ownDates: Pick<Mapping, 'dateFormats' | 'dateZone'> = {
  dateFormats: { birthDate: dayFormats, issuedOn: dayFormats, validUntil: dayFormats, changedAt: ['instant'] },
  dateZone: 'Asia/Jakarta'
}

function inOrder(pointers: Record<string, string>): Mapping['fields'] {
  const names = Object.keys(Fields.properties) as MappedField[]
  return Object.fromEntries(names.map(name => [name, pointers[name]])) as Mapping['fields']
}

export type OwnResult =
  | { ok: true; value: OwnCandidate }
  | { ok: false; rejections: Rejection[]; strNumber: string | null; profession: string | null }

export type OwnTransform = (record: unknown, now: number) => OwnResult

/** Earlier than any stamp of KKI: KKI's statements about a licence replace those of SDMK's own file. */
const beforeAnyStamp = '-infinity'
/**
 * Placeholder for the values that a person without a licence lacks, so that one transform serves both; it stays in this
 * module.
 */
const placeholderStr = 'XX00000000000000'

/**
 * Returns the function that turns one record of SDMK's own people into a candidate or its rejections, by the same rules as
 * KKI's. A licence is optional; without one a person needs a NIK, or a birth date and a birthplace, to be recognised again.
 *
 * It never throws, like `createTransform`. `now` is in milliseconds since the epoch.
 */
export function createOwnTransform(mapping: Mapping): OwnTransform {
  const own: Mapping = { ...mapping, ...ownDates, fields: ownFields }
  const transform = createTransform(own)
  const [activeWord = ''] = Object.entries(mapping.statusWords).find(([, meaning]) => meaning === 'active') ?? []
  const blankTests = new Map<string, BlankTest>(
    Object.entries(ownColumns).map(([column, field]) => [column, compileBlankTest(own, field)])
  )
  const isBlank = (given: Record<string, unknown>, column: keyof typeof ownColumns): boolean => {
    const value = given[column]
    return value == null || (typeof value === 'string' && blankTests.get(column)?.(cleanValue(value)) === true)
  }
  const anyProfession = mapping.professions[0]?.kkiCodes[0] ?? ''

  const read: OwnTransform = (record, now) => {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      return reject([{ code: 'SCHEMA_INVALID', instancePath: '', params: { reason: 'type', expected: 'object' } }])
    }
    if (isTooDeep(record)) return reject([tooDeep])
    const given = record as Record<string, unknown>
    const unknown = Object.keys(given).find(column => !Object.hasOwn(ownColumns, column))
    // The name of an unknown column is the sender's own text; it is not repeated.
    if (unknown !== undefined)
      return reject([{ code: 'SCHEMA_INVALID', instancePath: '', params: { reason: 'unknownColumn' } }])
    const hasLicence = !isBlank(given, 'nomor_str')
    const result = transform(completed(given, hasLicence, now), { sourceNow: now, maxSkewMs: 0 })
    if (!result.ok)
      return reject(result.rejections, hasLicence ? result.strNumber : null, hasLicence ? result.profession : null)
    const { value } = result
    const str = hasLicence ? value.strNumber : null
    if (value.deactivationOnly) return reject(value.problems, str, hasLicence ? value.profession : null)
    if (!hasLicence && isBlank(given, 'nik') && (value.birthDate === null || value.birthPlaceKey === null)) {
      return reject([{ code: 'SCHEMA_INVALID', instancePath: '/nik', params: { reason: 'identity' } }])
    }
    const candidate: OwnCandidate = {
      ...value,
      strNumber: str,
      strRaw: hasLicence ? value.strRaw : null,
      strFormat: hasLicence ? value.strFormat : null,
      profession: hasLicence ? value.profession : null,
      sourceStatus: hasLicence ? value.sourceStatus : null,
      competence: hasLicence ? value.competence : null,
      changedAt: beforeAnyStamp,
      personAt: 'infinity',
      warnings: hasLicence ? value.warnings : value.warnings.filter(code => code !== 'STR_FORMAT_UNKNOWN')
    }
    return { ok: true, value: { ...candidate, contentHash: hashOf(candidate) } }
  }

  return (record, now) => {
    try {
      return read(record, now)
    } catch {
      return reject([rowFault])
    }
  }

  /** Returns the record without blank columns, with placeholders for values that a row of KKI always has. */
  function completed(given: Record<string, unknown>, hasLicence: boolean, now: number): object {
    const record: Record<string, unknown> = { [stampColumn]: new Date(now).toISOString() }
    for (const column of Object.keys(ownColumns) as (keyof typeof ownColumns)[]) {
      if (!isBlank(given, column)) record[column] = given[column]
    }
    if (!hasLicence) Object.assign(record, { nomor_str: placeholderStr, profesi: anyProfession })
    if (!hasLicence || isBlank(given, 'status_str')) record.status_str = activeWord
    return record
  }

  function reject(
    rejections: Rejection[],
    strNumber: string | null = null,
    profession: string | null = null
  ): OwnResult {
    return { ok: false, rejections, strNumber, profession }
  }
}

/** Covers everything except the NIK and the lists, in the order of the columns. */
function hashOf({ nik: _, warnings, problems, contentHash: _hash, ...fields }: OwnCandidate): string {
  return contentHash([...Object.values(fields), warnings.join(), problems.map(({ code }) => code).join()])
}
