import { type Static, Type } from 'typebox'
import { statedStatuses } from '../registration-terms.ts'
import { type Zone, zoneOffsets } from './dates.ts'

const closed = { additionalProperties: false }
const Word = Type.String({ minLength: 1, maxLength: 100 })
const Code = Type.String({ pattern: '^[a-z][a-z0-9_]{0,62}$', description: 'a code such as specialist_doctor' })
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description: 'a day such as 2028-08-31' })
const Year = Type.Integer({ minimum: 1850, maximum: 9999 })

const Alias = Type.Object(
  { value: Word, validFrom: Type.Optional(Day), validUntil: Type.Optional(Day) },
  { ...closed, description: 'another word for the profession; validUntil is the last day on which it is valid' }
)

const Profession = Type.Object(
  {
    code: Code,
    nameEn: Word,
    nameId: Word,
    group: Code,
    kkiCodes: Type.Array(Word, {
      minItems: 1,
      description: 'the codes or words of the source for it; {profession} of a request is one of them'
    }),
    aliases: Type.Array(Alias)
  },
  closed
)

const BirthPlaceAlias = Type.Object(
  { value: Word, key: Word, bornFrom: Type.Optional(Year), bornUntil: Type.Optional(Year) },
  { ...closed, description: 'a place under another name; the years are years of birth, both included' }
)

/** The meanings of words and codes of the source. */
export const Tables = Type.Object(
  {
    monthNames: Type.Array(Type.Array(Word, { minItems: 1 }), {
      minItems: 12,
      maxItems: 12,
      description: 'the names and short forms of each month, January first'
    }),
    lifetimeWords: Type.Array(Word, { description: 'a word for an end date that means for life' }),
    endlessDates: Type.Array(Day, {
      description: 'an end date that means for life on a lifetime number, else unknown'
    }),
    unknownDateWords: Type.Array(Word, { description: 'a word for an unknown date' }),
    unknownWords: Type.Array(Word, {
      description: 'a text that means unknown, in any field; compared without case, blanks and signs other than / and #'
    }),
    unknownWordsOutsideNames: Type.Array(Word, {
      description: 'a text that means unknown, except in names, since people have such names'
    }),
    statusWords: Type.Record(Type.String(), Type.Enum(statedStatuses), {
      minProperties: 1,
      description:
        'the words or codes of the source for the status of a licence; upper and lower case are equal, and so are blanks, hyphens and underscores'
    }),
    sexWords: Type.Record(Type.String(), Type.Enum(['male', 'female']), {
      minProperties: 1,
      description: 'the words or codes of the source for the sex; compared in the same way'
    }),
    professions: Type.Array(Profession, { minItems: 1 }),
    birthPlaceAliases: Type.Array(BirthPlaceAlias)
  },
  closed
)

export type Tables = Static<typeof Tables>

export const ZoneName = Type.Enum(Object.keys(zoneOffsets) as Zone[], {
  description: 'the zone of times without an offset'
})

export type ProfessionMapping = Tables['professions'][number]
export type BirthPlaceAlias = Tables['birthPlaceAliases'][number]
