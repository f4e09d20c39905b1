import { type Static, Type } from 'typebox'
import { FieldSource } from './field-source.ts'
import { type Tables, ZoneName } from './tables.ts'

const closed = { additionalProperties: false }
const Format = Type.String({ minLength: 1, maxLength: 100 })

/** The place of each field of a candidate in a record, in the order in which problems are reported. */
export const Fields = Type.Object(
  {
    strNumber: FieldSource,
    nik: Type.Optional(FieldSource),
    name: FieldSource,
    titlePrefix: Type.Optional(FieldSource),
    titleSuffix: Type.Optional(FieldSource),
    birthPlace: Type.Optional(FieldSource),
    birthDate: Type.Optional(FieldSource),
    sex: Type.Optional(FieldSource),
    profession: FieldSource,
    competence: Type.Optional(FieldSource),
    status: FieldSource,
    issuedOn: Type.Optional(FieldSource),
    validUntil: Type.Optional(FieldSource),
    institution: Type.Optional(FieldSource),
    graduationYear: Type.Optional(FieldSource),
    province: Type.Optional(FieldSource),
    changedAt: Type.Optional(FieldSource)
  },
  { ...closed, description: 'the place of each field in a record; without changedAt the time of the answer counts' }
)

const Formats = Type.Optional(Type.Array(Format, { minItems: 1, maxItems: 10 }))
export const Dates = Type.Object(
  {
    zone: ZoneName,
    formats: Type.Object(
      { birthDate: Formats, issuedOn: Formats, validUntil: Formats, changedAt: Formats },
      {
        ...closed,
        description:
          'formats of each date field, tried in order: instant (ISO 8601 with an offset), epochSeconds, epochMilliseconds, or a pattern of YYYY, MM, MMMM (a month’s name), DD, D, HH, mm, ss'
      }
    )
  },
  { ...closed, description: 'formats of dates' }
)

export type Fields = Static<typeof Fields>
export type Dates = Static<typeof Dates>
export type MappedField = keyof Fields

export const fieldNames = Object.keys(Fields.properties) as MappedField[]
export const requiredFields = fieldNames.filter(name => (Fields.required as readonly string[]).includes(name))
export const dateFields = Object.keys(Dates.properties.formats.properties) as (keyof Dates['formats'])[]

/** How a record becomes a candidate: the part of a source description about the meaning of an answer. */
export interface Mapping extends Tables {
  fields: Fields
  dateFormats: Dates['formats']
  /** The zone of times without an offset. */
  dateZone: Dates['zone']
}
