import { Pointer } from 'typebox/value'
import { compileBirthPlaces } from './birth-place.ts'
import type { RejectionCode, WarningCode } from './codes.ts'
import { contentHash } from './content-hash.ts'
import { compileDayReader, compileInstantReader, jakartaDay } from './dates.ts'
import type { MappedField, Mapping } from './mapping-schema.ts'
import { nameKey, splitName } from './name.ts'
import { nikFault, warnAboutNik } from './nik.ts'
import { compileProfessions } from './professions.ts'
import { canonicalStr, isStrNumber, strFormatOf } from './str-number.ts'
import { cleanText, foldWord } from './text.ts'
import type { Candidate, RegistrationStatus, Rejection, Sex, TransformContext, TransformResult } from './types.ts'

/** Turns one raw KKI record into a candidate or its rejections. */
export type Transform = (record: unknown, context: TransformContext) => TransformResult

const requiredFields = new Set<MappedField>(['strNumber', 'name', 'profession', 'status', 'changedAt'])
/** Statuses that end a licence: rows that carry one must not be lost. */
const endings = new Set<RegistrationStatus>(['suspended', 'inactive', 'revoked', 'deceased'])
/** Nobody older is a health worker; such a birth date is a slip. */
const oldestAgeYears = 110

/**
 * Returns the transform of a mapping, with everything compiled. It never throws for bad data: every problem found comes
 * back, in the mapping's field order.
 *
 * A NIK that cannot be one does not refuse a row by itself (the plan ignores it where the STR is known), and a row that
 * ends a licence stays a candidate for that ending whatever else is wrong with it: see `Candidate.problems`.
 * @see contracts/kki-mapping.json
 */
export function createTransform(mapping: Mapping): Transform {
  const read = compileFields(mapping)
  const { dateFormats: formats, monthNames } = mapping
  const birthDay = compileDayReader(formats.birthDate, monthNames)
  const issueDay = compileDayReader(formats.issuedOn, monthNames)
  const endDay = compileDayReader(formats.validUntil, monthNames)
  const changeInstant = compileInstantReader(formats.changedAt, monthNames)
  const professionOf = compileProfessions(mapping.professions)
  const birthPlaceOf = compileBirthPlaces(mapping.birthPlaceAliases)
  const statuses = foldedWords(mapping.statusWords)
  const sexes = foldedWords(mapping.sexWords)
  const lifetimeWords = new Set(mapping.lifetimeWords.map(foldWord))
  const endlessDates = new Set(mapping.endlessDates)
  const unknownDates = new Set(mapping.unknownDateWords.map(foldUnknown))

  return (record, context) => {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) {
      const rejections = [{ code: 'SCHEMA_INVALID' as const, instancePath: '', params: { expected: 'object' } }]
      return { ok: false, rejections, strNumber: null, profession: null, urgent: false }
    }
    const problems: Rejection[] = []
    const refuse = (code: RejectionCode, field: MappedField, params: Rejection['params'] = {}) => {
      problems.push({ code, instancePath: mapping.fields[field], params })
    }
    const fields = read(record, refuse)
    const warnings: WarningCode[] = []

    const strRaw = fields.strNumber
    const strNumber = canonicalStr(strRaw ?? '')
    const nikText = fields.nik?.replace(/[\s.-]/g, '') ?? null
    const isStr = isStrNumber(strNumber) && strNumber !== nikText
    if (strRaw !== null && !isStr)
      refuse('STR_INVALID', 'strNumber', strNumber === nikText ? { reason: 'equals NIK' } : {})

    const fault = nikText === null ? null : nikFault(nikText)
    const nik = fault === null ? nikText : null

    const { name, titlePrefix, titleSuffix } = splitName(fields.name ?? '', fields.titlePrefix, fields.titleSuffix)
    const key = nameKey(name)
    if (fields.name !== null && key === '') refuse('NAME_MISSING', 'name')

    const day = (field: 'birthDate' | 'issuedOn' | 'validUntil', reader: (text: string) => string | null) => {
      const text = fields[field]
      if (text === null || unknownDates.has(foldUnknown(text))) return null
      const value = reader(text)
      if (value === null) refuse('DATE_INVALID', field)
      return value
    }
    let birthDate = day('birthDate', birthDay)
    const today = jakartaDay(context.sourceNow)
    if (birthDate !== null && (birthDate > today || birthDate < yearsBefore(today, oldestAgeYears))) {
      refuse('DATE_INVALID', 'birthDate', { reason: birthDate > today ? 'future' : 'too old' })
      birthDate = null
    }
    const issuedOn = day('issuedOn', issueDay)

    const strFormat = strFormatOf(strNumber)
    const endText = fields.validUntil
    const saysLifetime = endText !== null && lifetimeWords.has(foldWord(endText))
    let validUntil = saysLifetime ? null : day('validUntil', endDay)
    const isEndless = validUntil === null || endlessDates.has(validUntil)
    // Null, or the end of time, means for life only on a number of the lifetime kind; elsewhere it says nothing.
    const isLifetime =
      saysLifetime || (strFormat === 'lifetime' && isEndless && !hasProblem(problems, mapping.fields.validUntil))
    if (isEndless) validUntil = null

    const stamp = fields.changedAt === null ? null : changeInstant(fields.changedAt)
    const isStamp = stamp !== null && stamp <= context.sourceNow + context.maxSkewMs
    if (fields.changedAt !== null && !isStamp)
      refuse('DATE_INVALID', 'changedAt', stamp === null ? {} : { reason: 'future' })

    const status = fields.status === null ? undefined : statuses.get(foldWord(fields.status))
    if (fields.status !== null && status === undefined) refuse('STATUS_UNKNOWN', 'status')

    // A word that meant something else in former times is read by the day of issue, then by that of the change.
    const days = () => [issuedOn, isStamp ? jakartaDay(stamp) : null]
    const profession = fields.profession === null ? null : professionOf(fields.profession, days)
    if (fields.profession !== null && profession === null) refuse('PROFESSION_UNKNOWN', 'profession')

    const sex: Sex | null = fields.sex === null ? null : (sexes.get(foldWord(fields.sex)) ?? null)
    const isEnding = status !== undefined && endings.has(status)
    const canEnd = isEnding && isStr && isStamp

    if (problems.length > 0 && !canEnd) {
      problems.sort((a, b) => order(mapping, a) - order(mapping, b))
      return {
        ok: false,
        rejections: fault === null ? problems : [...problems, nikProblem(mapping, fault)],
        strNumber: isStr ? strNumber : null,
        profession,
        urgent: isEnding && !isStr
      }
    }

    const place =
      fields.birthPlace === null
        ? null
        : birthPlaceOf(fields.birthPlace, birthDate === null ? null : Number(birthDate.slice(0, 4)))
    if (strFormat === 'unknown') warnings.push('STR_FORMAT_UNKNOWN')
    if (nik !== null) warnAboutNik(nik, birthDate, sex, warnings)
    if (place !== null && !place.fitsPeriod) warnings.push('BIRTH_PLACE_PERIOD')

    const endingOnly = problems.length > 0
    if (fault !== null) problems.push(nikProblem(mapping, fault))
    const candidate: Omit<Candidate, 'contentHash'> = {
      strNumber,
      strRaw: strRaw as string,
      strFormat,
      nik,
      name,
      titlePrefix,
      titleSuffix,
      nameKey: key,
      birthPlace: fields.birthPlace,
      birthPlaceKey: place?.key ?? null,
      birthDate,
      sex,
      profession: profession ?? '',
      competence: fields.competence,
      status: status as RegistrationStatus,
      sourceStatus: fields.status as string,
      issuedOn,
      validUntil,
      isLifetime,
      institution: fields.institution,
      graduationYear: fields.graduationYear,
      province: fields.province,
      changedAt: new Date(stamp as number).toISOString(),
      warnings,
      endingOnly,
      problems
    }
    return { ok: true, value: { ...candidate, contentHash: hashOf(candidate) } }
  }
}

type Fields = Record<Exclude<MappedField, 'graduationYear'>, string | null> & { graduationYear: number | null }

/** Returns a reader of all mapped fields: clean texts, null where a field is missing, null, blank or of a wrong type. */
function compileFields({ fields }: Mapping) {
  const getters = (Object.entries(fields) as [MappedField, string][]).map(([field, pointer]) => ({
    field,
    get: compilePointer(pointer),
    isRequired: requiredFields.has(field)
  }))
  return (
    record: object,
    refuse: (code: RejectionCode, field: MappedField, params?: Rejection['params']) => void
  ): Fields => {
    const found: Record<string, string | number | null> = {}
    for (const { field, get, isRequired } of getters) {
      const value = get(record)
      found[field] = null
      if (value === undefined || value === null) {
        if (isRequired)
          refuse('SCHEMA_INVALID', field, { expected: 'string', found: value === null ? 'null' : 'missing' })
      } else if (field === 'graduationYear') {
        if (Number.isSafeInteger(value)) found[field] = value as number
        else refuse('SCHEMA_INVALID', field, { expected: 'integer', found: typeof value })
      } else if (typeof value !== 'string') {
        refuse('SCHEMA_INVALID', field, { expected: 'string', found: typeof value })
      } else {
        const text = cleanText(value)
        if (text !== '') found[field] = text
        else if (field === 'strNumber') refuse('STR_INVALID', field, { reason: 'blank' })
        else if (field === 'name') refuse('NAME_MISSING', field)
        else if (isRequired) refuse('SCHEMA_INVALID', field, { expected: 'string', found: 'blank' })
      }
    }
    return found as Fields
  }
}

/** A pointer of one step, as almost all are, is a property. */
function compilePointer(pointer: string): (record: object) => unknown {
  const [, only, ...more] = pointer.split('/')
  if (more.length > 0 || only === undefined || only.includes('~')) return record => Pointer.Get(record, pointer)
  return record => (Object.hasOwn(record, only) ? (record as Record<string, unknown>)[only] : undefined)
}

function foldedWords<T>(words: Record<string, T>): Map<string, T> {
  return new Map(Object.entries(words).map(([word, meaning]) => [foldWord(word), meaning]))
}

/** `-` and `0000-00-00` are words for "unknown"; their hyphens are all that tells them apart. */
function foldUnknown(word: string): string {
  return word.trim().toUpperCase()
}

function hasProblem(problems: readonly Rejection[], instancePath: string): boolean {
  return problems.some(problem => problem.instancePath === instancePath)
}

function order({ fields }: Mapping, { instancePath }: Rejection): number {
  return Object.values(fields).indexOf(instancePath)
}

function nikProblem({ fields }: Mapping, reason: string): Rejection {
  return { code: 'NIK_INVALID', instancePath: fields.nik, params: { reason } }
}

function yearsBefore(day: string, years: number): string {
  return `${Number(day.slice(0, 4)) - years}${day.slice(4)}`
}

/** Everything that KKI says but the NIK: a hash of a sixteen-digit number beside it could be guessed. */
function hashOf(c: Omit<Candidate, 'contentHash'>): string {
  return contentHash([
    c.strNumber,
    c.strRaw,
    c.name,
    c.titlePrefix,
    c.titleSuffix,
    c.birthPlace,
    c.birthDate,
    c.sex,
    c.profession,
    c.competence,
    c.status,
    c.sourceStatus,
    c.issuedOn,
    c.validUntil,
    c.isLifetime,
    c.institution,
    c.graduationYear,
    c.province,
    c.changedAt,
    c.nameKey,
    c.birthPlaceKey,
    c.warnings.join(),
    c.endingOnly
  ])
}
