import { isDeactivated, type RegistrationStatus } from '../registration-terms.ts'
import { birthDateFault } from './birth-date.ts'
import { compileBirthPlaces } from './birth-place.ts'
import type { RejectionCode, WarningCode } from './codes.ts'
import { contentHash } from './content-hash.ts'
import { compileDayReader, compileInstantReader, type DayReader, jakartaDay } from './dates.ts'
import { isTooDeep, maxDepth } from './depth.ts'
import { placeOf } from './field-source.ts'
import { compileText, compileYear, type TextReader } from './fields.ts'
import type { MappedField, Mapping } from './mapping.ts'
import { coreKey, splitName } from './name.ts'
import { holdsNikOf, isRounded, nikFault, warnAboutNik } from './nik.ts'
import { compileProfessions } from './professions.ts'
import { canonicalStr, isStrNumber, strFormatOf } from './str-number.ts'
import { foldWord } from './text.ts'
import type { Candidate, Rejection, Sex, TransformContext, TransformResult } from './types.ts'
import { compileValidity } from './validity.ts'

export type Transform = (record: unknown, context: TransformContext) => TransformResult

/**
 * Returns the function that turns one raw KKI record into a candidate or its rejections, by `mapping`.
 *
 * It never throws: every problem is returned, in the order of the mapping's fields, and a record that causes an error of
 * ours is rejected alone (`ROW_FAULT`). An invalid NIK rejects nothing here (`problems` of a candidate), and a
 * deactivation with a readable STR and stamp is always a candidate (`deactivationOnly`). The result depends only on the record
 * and its context.
 */
export function createTransform(mapping: Mapping): Transform {
  const pathOf = placesOf(mapping.fields)
  const order = new Map(Object.values(pathOf).map((path, index) => [path, index]))
  const hasStamp = mapping.fields.changedAt !== undefined
  const text = compileTexts(mapping)
  const graduationYear = compileYear(mapping, 'graduationYear')
  const unknownDates = new Set(mapping.unknownDateWords.map(foldWord))
  const birthDay = compileDayReader(mapping.dateFormats.birthDate ?? [], mapping.monthNames, mapping.dateZone)
  const issueDay = compileDayReader(mapping.dateFormats.issuedOn ?? [], mapping.monthNames, mapping.dateZone)
  const stamp = compileInstantReader(mapping.dateFormats.changedAt ?? [], mapping.monthNames, mapping.dateZone)
  const validityOf = compileValidity(mapping)
  const statusOf = compileWords(mapping.statusWords)
  const sexOf = compileWords(mapping.sexWords)
  const professionOf = compileProfessions(mapping.professions)
  const birthPlaceOf = compileBirthPlaces(mapping.birthPlaceAliases)
  const todayOf = rememberLast(jakartaDay)

  function addProblem(problems: Rejection[], code: RejectionCode, field: MappedField, reason: string): void {
    problems.push({ code, instancePath: pathOf[field], params: { reason } })
  }

  function readStr(record: object, isNik: (canonical: string) => boolean, problems: Rejection[]) {
    const raw = text.strNumber(record, problems)
    if (raw === undefined || raw === null) return null
    const canonical = canonicalStr(raw)
    // Without its special characters it could look like another STR.
    if (isRounded(raw)) addProblem(problems, 'STR_INVALID', 'strNumber', 'rounded')
    else if (!isStrNumber(canonical)) addProblem(problems, 'STR_INVALID', 'strNumber', raw === '' ? 'blank' : 'shape')
    else if (isNik(canonical)) addProblem(problems, 'STR_INVALID', 'strNumber', 'equalsNik')
    else return { raw, canonical, format: strFormatOf(canonical) }
    return null
  }

  function readNik(nik: string, problems: Rejection[]): string | null {
    if (nik === '') return null
    const fault = nikFault(nik)
    if (fault === null) return nik
    addProblem(problems, 'NIK_INVALID', 'nik', fault)
    return null
  }

  function readName(record: object, prefix: string | null, suffix: string | null, problems: Rejection[]) {
    const raw = text.name(record, problems)
    const parts = splitName(raw ?? '', prefix, suffix)
    const key = coreKey(parts.name)
    // A name masked with asterisks must not overwrite a stored full name.
    if (raw?.includes('*')) addProblem(problems, 'NAME_MISSING', 'name', 'masked')
    else if (typeof raw === 'string' && key === '') {
      addProblem(problems, 'NAME_MISSING', 'name', raw === '' ? 'blank' : 'titlesOnly')
    }
    return { ...parts, key }
  }

  function readDay(record: object, field: 'birthDate' | 'issuedOn', read: DayReader, problems: Rejection[]) {
    const raw = text[field](record, problems)
    if (!raw) return null
    const day = read(raw)
    if (day === null && !unknownDates.has(foldWord(raw))) addProblem(problems, 'DATE_INVALID', field, 'format')
    return day
  }

  function readBirthDate(record: object, today: () => string, problems: Rejection[]): string | null {
    const day = readDay(record, 'birthDate', birthDay, problems)
    if (day === null) return null
    const fault = birthDateFault(day, today())
    if (fault === null) return day
    addProblem(problems, 'DATE_INVALID', 'birthDate', fault)
    return null
  }

  function readSex(record: object, problems: Rejection[]): Sex | null {
    const raw = text.sex(record, problems)
    if (!raw) return null
    const sex = sexOf(raw)
    if (sex === null) addProblem(problems, 'SCHEMA_INVALID', 'sex', 'value')
    return sex
  }

  function readStatus(record: object, problems: Rejection[]) {
    const word = text.status(record, problems)
    const status = word ? statusOf(word) : null
    if (word === '') addProblem(problems, 'SCHEMA_INVALID', 'status', 'blank')
    else if (word && status === null) addProblem(problems, 'STATUS_UNKNOWN', 'status', 'notListed')
    return { word: word ?? '', status }
  }

  function readProfession(record: object, days: () => (string | null)[], problems: Rejection[]): string | null {
    const word = text.profession(record, problems)
    if (word === '') addProblem(problems, 'SCHEMA_INVALID', 'profession', 'blank')
    if (!word) return null
    const code = professionOf(word, days)
    if (code === null) addProblem(problems, 'PROFESSION_UNKNOWN', 'profession', 'notListed')
    return code
  }

  function readStamp(record: object, { sourceNow, maxSkewMs }: TransformContext, problems: Rejection[]) {
    if (!hasStamp) return sourceNow
    const raw = text.changedAt(record, problems)
    if (raw === '') addProblem(problems, 'SCHEMA_INVALID', 'changedAt', 'blank')
    if (!raw) return null
    const ms = stamp(raw)
    if (ms !== null && ms <= sourceNow + maxSkewMs) return ms
    addProblem(problems, 'DATE_INVALID', 'changedAt', ms === null ? 'format' : 'future')
    return null
  }

  const read = (record: unknown, context: TransformContext): TransformResult => {
    if (typeof record !== 'object' || record === null || Array.isArray(record)) return notAnObject()
    const problems: Rejection[] = []
    const warnings: WarningCode[] = []
    const today = () => todayOf(context.sourceNow)
    if (isTooDeep(record)) problems.push(tooDeep)

    const nikText = text.nik(record, problems) ?? ''
    const nik = readNik(nikText, problems)
    const birthDate = readBirthDate(record, today, problems)
    // If the row's own NIK cannot be read, an STR of as many digits counts as a NIK if it contains the birth date.
    const isNik = (canonical: string) =>
      nik !== null ? canonical.includes(nik) : canonical === canonicalStr(nikText) || holdsNikOf(birthDate, canonical)
    const str = readStr(record, isNik, problems)
    const prefix = text.titlePrefix(record, problems) || null
    const suffix = text.titleSuffix(record, problems) || null
    const name = readName(record, prefix, suffix, problems)
    const birthPlace = text.birthPlace(record, problems) || null
    const sex = readSex(record, problems)
    const competence = text.competence(record, problems) || null
    const { word, status } = readStatus(record, problems)
    const issuedOn = readDay(record, 'issuedOn', issueDay, problems)
    const endText = text.validUntil(record, problems)
    const validity = endText === undefined ? null : validityOf(endText ?? '', str?.format ?? 'unknown')
    if (endText !== undefined && validity === null) addProblem(problems, 'DATE_INVALID', 'validUntil', 'format')
    const institution = text.institution(record, problems) || null
    const graduation = graduationYear(record, problems)
    const province = text.province(record, problems) || null
    const changedMs = readStamp(record, context, problems)
    const wordDays = () => [changedMs === null ? today() : jakartaDay(changedMs), issuedOn]
    const profession = readProfession(record, wordDays, problems)

    if (problems.length > 1) problems.sort((a, b) => rank(a) - rank(b))
    const isDeactivation = status !== null && isDeactivated(status)
    const isRejected = problems.some(problem => problem.code !== 'NIK_INVALID')
    if (str === null || changedMs === null || status === null || (isRejected && !isDeactivation)) {
      return { ok: false, rejections: problems, strNumber: str?.canonical ?? null, profession, urgent: isDeactivation }
    }

    if (str.format === 'unknown') warnings.push('STR_FORMAT_UNKNOWN')
    if (nik !== null) warnAboutNik(nik, birthDate, sex, warnings)
    const bornIn = birthDate === null ? null : Number(birthDate.slice(0, 4))
    const place = birthPlace === null ? null : birthPlaceOf(birthPlace, bornIn)
    if (place?.fitsPeriod === false) warnings.push('BIRTH_PLACE_PERIOD')

    const value: Candidate = {
      strNumber: str.canonical,
      strRaw: str.raw,
      strFormat: str.format,
      nik,
      name: name.name,
      titlePrefix: name.titlePrefix,
      titleSuffix: name.titleSuffix,
      nameKey: name.key,
      birthPlace,
      birthPlaceKey: place?.key ?? null,
      birthDate,
      sex,
      profession: profession ?? '',
      competence,
      status,
      sourceStatus: word,
      issuedOn,
      validUntil: validity?.until ?? null,
      isLifetime: validity?.isLifetime ?? false,
      institution,
      graduationYear: graduation,
      province,
      changedAt: new Date(changedMs).toISOString(),
      warnings,
      contentHash: '',
      deactivationOnly: isRejected,
      problems
    }
    value.contentHash = hashOf(value, hasStamp)
    return { ok: true, value }
  }

  return (record, context) => {
    try {
      return read(record, context)
    } catch {
      // Neither the error nor its message is kept, because it may quote the record.
      return { ok: false, rejections: [rowFault], strNumber: null, profession: null, urgent: false }
    }
  }

  function rank(problem: Rejection): number {
    return order.get(problem.instancePath) ?? 0
  }
}

/** The fields are not nested so deeply, but all later readers must be able to parse the stored row. */
export const tooDeep: Rejection = {
  code: 'SCHEMA_INVALID',
  instancePath: '',
  params: { reason: 'tooDeep', maxDepth }
}

/** A fault of the connector: one such record must not prevent the storage of others. */
export const rowFault: Rejection = { code: 'ROW_FAULT', instancePath: '', params: {} }

/**
 * The hash includes the problems: a row that was corrected under the same stamp is different content. A stamp that is only
 * the time of the answer is not content.
 */
function hashOf(value: Candidate, hasStamp: boolean): string {
  return contentHash([
    value.strNumber,
    value.strRaw,
    value.strFormat,
    value.name,
    value.titlePrefix,
    value.titleSuffix,
    value.nameKey,
    value.birthPlace,
    value.birthPlaceKey,
    value.birthDate,
    value.sex,
    value.profession,
    value.competence,
    value.status,
    value.sourceStatus,
    value.issuedOn,
    value.validUntil,
    value.isLifetime,
    value.institution,
    value.graduationYear,
    value.province,
    hasStamp ? value.changedAt : null,
    value.warnings.join(),
    value.problems.map(({ code, instancePath }) => `${code} ${instancePath}`).join()
  ])
}

/** The place of each field in rejections. */
function placesOf(fields: Mapping['fields']): Record<MappedField, string> {
  return Object.fromEntries(Object.entries(fields).map(([field, source]) => [field, placeOf(source)])) as Record<
    MappedField,
    string
  >
}

function notAnObject(): TransformResult {
  const params = { reason: 'type', expected: 'object' }
  const rejections: Rejection[] = [{ code: 'SCHEMA_INVALID', instancePath: '', params }]
  return { ok: false, rejections, strNumber: null, profession: null, urgent: false }
}

type TextField = Exclude<MappedField, 'graduationYear'>

function compileTexts(mapping: Mapping): Record<TextField, TextReader> {
  return {
    strNumber: compileText(mapping, 'strNumber', true),
    nik: compileText(mapping, 'nik'),
    name: compileText(mapping, 'name', true),
    titlePrefix: compileText(mapping, 'titlePrefix'),
    titleSuffix: compileText(mapping, 'titleSuffix'),
    birthPlace: compileText(mapping, 'birthPlace'),
    birthDate: compileText(mapping, 'birthDate'),
    sex: compileText(mapping, 'sex'),
    profession: compileText(mapping, 'profession', true),
    competence: compileText(mapping, 'competence'),
    status: compileText(mapping, 'status', true),
    issuedOn: compileText(mapping, 'issuedOn'),
    validUntil: compileText(mapping, 'validUntil'),
    institution: compileText(mapping, 'institution'),
    province: compileText(mapping, 'province'),
    changedAt: compileText(mapping, 'changedAt', true)
  }
}

/** Most words have the listed spelling, so the folded form is only a second attempt. */
function compileWords<T extends RegistrationStatus | Sex>(words: Record<string, T>): (word: string) => T | null {
  const listed = new Map(Object.entries(words))
  const folded = new Map(Object.entries(words).map(([word, meaning]) => [foldWord(word), meaning]))
  return word => listed.get(word) ?? folded.get(foldWord(word)) ?? null
}

/** All rows of a page share one clock, so its day is computed once. */
function rememberLast(compute: (ms: number) => string): (ms: number) => string {
  let last = Number.NaN
  let result = ''
  return ms => {
    if (ms !== last) {
      result = compute(ms)
      last = ms
    }
    return result
  }
}
