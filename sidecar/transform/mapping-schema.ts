import { type Static, Type } from 'typebox'
import { statedStatuses } from '../registration-terms.ts'

const closed = { additionalProperties: false }
const Pointer = Type.String({
  pattern: '^(/([^~/]|~[01])+)+$',
  description: 'JSON pointer (RFC 6901) into a KKI record'
})
const Word = Type.String({ minLength: 1, maxLength: 100 })
const Code = Type.String({ pattern: '^[a-z][a-z0-9_]{0,62}$' })
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })
const Year = Type.Integer({ minimum: 1850, maximum: 9999 })
const Formats = Type.Array(Word, { minItems: 1, maxItems: 10 })

/** Where each field of a candidate stands in a KKI record; the order is that in which problems are reported. */
const Fields = Type.Object(
  {
    strNumber: Pointer,
    nik: Pointer,
    name: Pointer,
    titlePrefix: Pointer,
    titleSuffix: Pointer,
    birthPlace: Pointer,
    birthDate: Pointer,
    sex: Pointer,
    profession: Pointer,
    competence: Pointer,
    status: Pointer,
    issuedOn: Pointer,
    validUntil: Pointer,
    institution: Pointer,
    graduationYear: Pointer,
    province: Pointer,
    changedAt: Pointer
  },
  closed
)

const DateFormats = Type.Object(
  { birthDate: Formats, issuedOn: Formats, validUntil: Formats, changedAt: Formats },
  {
    ...closed,
    description:
      'per field, tried in order: "instant" (ISO 8601 with an offset, read in Asia/Jakarta) or a pattern of YYYY, MM, MMMM, DD, D, HH, mm, ss'
  }
)

const Alias = Type.Object(
  {
    value: Word,
    validFrom: Type.Optional(Day),
    validUntil: Type.Optional(Day)
  },
  { ...closed, description: 'another word for the profession; the last day of validity is part of it' }
)

const Profession = Type.Object(
  {
    code: Code,
    nameEn: Word,
    nameId: Word,
    group: Code,
    kkiCodes: Type.Array(Word, { minItems: 1, description: 'codes that KKI accepts as a filter' }),
    aliases: Type.Array(Alias)
  },
  closed
)

const BirthPlaceAlias = Type.Object(
  { value: Word, key: Word, bornFrom: Type.Optional(Year), bornUntil: Type.Optional(Year) },
  { ...closed, description: 'a place under another name; the years are those of birth, both included' }
)

/** The shape of `contracts/kki-mapping.json`. */
export const MappingSchema = Type.Object(
  {
    $schema: Type.Optional(Type.String()),
    fields: Fields,
    dateFormats: DateFormats,
    monthNames: Type.Array(Type.Array(Word, { minItems: 1 }), { minItems: 12, maxItems: 12 }),
    lifetimeWords: Type.Array(Word, { description: 'an end date that says: for life' }),
    endlessDates: Type.Array(Day, {
      description: 'an end date that means for life on a lifetime number, else unknown'
    }),
    unknownDateWords: Type.Array(Word, { description: 'a date that says nothing' }),
    unknownWords: Type.Optional(
      Type.Array(Word, {
        description:
          'a text that says nothing, in any field; compared without case, blanks and signs other than / and #'
      })
    ),
    unknownWordsOutsideNames: Type.Optional(
      Type.Array(Word, { description: 'a text that says nothing, but for the name: people are called so' })
    ),
    statusWords: Type.Record(Type.String(), Type.Enum(statedStatuses)),
    sexWords: Type.Record(Type.String(), Type.Enum(['male', 'female'])),
    professions: Type.Array(Profession, { minItems: 1 }),
    birthPlaceAliases: Type.Array(BirthPlaceAlias)
  },
  { ...closed, title: 'How a KKI record becomes a candidate' }
)

export type Mapping = Static<typeof MappingSchema>
export type ProfessionMapping = Mapping['professions'][number]
export type BirthPlaceAlias = Mapping['birthPlaceAliases'][number]
export type MappedField = keyof Mapping['fields']
