import { Pointer } from 'typebox/value'
import { type BlankTest, compileBlankTest } from './blank.ts'
import { contentHash } from './content-hash.ts'
import { isTooDeep } from './depth.ts'
import { cleanValue } from './fields.ts'
import type { MappedField, Mapping } from './mapping-schema.ts'
import { createTransform, rowFault, tooDeep } from './transform.ts'
import type { OwnCandidate, Rejection } from './types.ts'

/** The columns of a file of SDMK's own people, and the fields that they fill: other names of KKI's change none of them. */
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

export type OwnResult =
  | { ok: true; value: OwnCandidate }
  | { ok: false; rejections: Rejection[]; strNumber: string | null; profession: string | null }

export type OwnTransform = (record: unknown, now: number) => OwnResult

/** Earlier than any stamp of KKI's: whatever KKI says of a licence replaces what SDMK's own file says. */
const beforeAnyStamp = '-infinity'
/** Stands for what a person without a licence lacks, so that one transform serves both; it never leaves this module. */
const placeholderStr = 'XX00000000000000'

/**
 * Returns the function that turns one record of SDMK's own people into a candidate or its rejections, by the same rules as
 * KKI's. A licence is optional; without one a person needs a NIK, or a birth date and a birthplace, to be known again.
 * Pointers of rejections name columns.
 *
 * @throws nothing, as `createTransform`. `now` is in milliseconds since the epoch.
 */
export function createOwnTransform(mapping: Mapping): OwnTransform {
  const transform = createTransform(mapping)
  const columnOf = new Map(Object.entries(ownColumns).map(([column, field]) => [mapping.fields[field], `/${column}`]))
  const [activeWord = ''] = Object.entries(mapping.statusWords).find(([, meaning]) => meaning === 'active') ?? []
  const blankTests = new Map<string, BlankTest>(
    Object.entries(ownColumns).map(([column, field]) => [column, compileBlankTest(mapping, field)])
  )
  const isBlank = (given: Record<string, unknown>, column: keyof typeof ownColumns): boolean => {
    const value = given[column]
    return value == null || (typeof value === 'string' && blankTests.get(column)?.(cleanValue(value)) === true)
  }
  const anyProfession = mapping.professions[0]?.kkiCodes[0] ?? ''

  const read: OwnTransform = (record, now) => {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      return refuse([{ code: 'SCHEMA_INVALID', instancePath: '', params: { reason: 'type', expected: 'object' } }])
    }
    if (isTooDeep(record)) return refuse([tooDeep])
    const given = record as Record<string, unknown>
    const unknown = Object.keys(given).find(column => !Object.hasOwn(ownColumns, column))
    // The name of an unknown column is the sender's own text; it is not repeated.
    if (unknown !== undefined)
      return refuse([{ code: 'SCHEMA_INVALID', instancePath: '', params: { reason: 'unknownColumn' } }])
    const hasLicence = !isBlank(given, 'nomor_str')
    const result = transform(toKkiRecord(given, hasLicence, now), { sourceNow: now, maxSkewMs: 0 })
    if (!result.ok)
      return refuse(result.rejections, hasLicence ? result.strNumber : null, hasLicence ? result.profession : null)
    const { value } = result
    const str = hasLicence ? value.strNumber : null
    if (value.endingOnly) return refuse(value.problems, str, hasLicence ? value.profession : null)
    if (!hasLicence && isBlank(given, 'nik') && (value.birthDate === null || value.birthPlaceKey === null)) {
      return refuse([{ code: 'SCHEMA_INVALID', instancePath: '/nik', params: { reason: 'identity' } }])
    }
    const own: OwnCandidate = {
      ...value,
      strNumber: str,
      strRaw: hasLicence ? value.strRaw : null,
      strFormat: hasLicence ? value.strFormat : null,
      profession: hasLicence ? value.profession : null,
      sourceStatus: hasLicence ? value.sourceStatus : null,
      competence: hasLicence ? value.competence : null,
      changedAt: beforeAnyStamp,
      personAt: 'infinity',
      warnings: hasLicence ? value.warnings : value.warnings.filter(code => code !== 'STR_FORMAT_UNKNOWN'),
      problems: value.problems.map(inColumns)
    }
    return { ok: true, value: { ...own, contentHash: hashOf(own) } }
  }

  return (record, now) => {
    try {
      return read(record, now)
    } catch {
      return refuse([rowFault])
    }
  }

  function toKkiRecord(given: Record<string, unknown>, hasLicence: boolean, now: number): object {
    const kki = {}
    for (const [column, field] of Object.entries(ownColumns) as [keyof typeof ownColumns, MappedField][]) {
      if (!isBlank(given, column)) Pointer.Set(kki, mapping.fields[field], given[column])
    }
    Pointer.Set(kki, mapping.fields.changedAt, new Date(now).toISOString())
    if (!hasLicence) {
      Pointer.Set(kki, mapping.fields.strNumber, placeholderStr)
      Pointer.Set(kki, mapping.fields.profession, anyProfession)
    }
    if (!hasLicence || isBlank(given, 'status_str')) Pointer.Set(kki, mapping.fields.status, activeWord)
    return kki
  }

  function refuse(
    rejections: Rejection[],
    strNumber: string | null = null,
    profession: string | null = null
  ): OwnResult {
    return { ok: false, rejections: rejections.map(inColumns), strNumber, profession }
  }

  function inColumns(rejection: Rejection): Rejection {
    return { ...rejection, instancePath: columnOf.get(rejection.instancePath) ?? rejection.instancePath }
  }
}

/** Over everything but the NIK and the lists, in the order of the columns. */
function hashOf({ nik: _, warnings, problems, contentHash: _hash, ...fields }: OwnCandidate): string {
  return contentHash([...Object.values(fields), warnings.join(), problems.map(({ code }) => code).join()])
}
