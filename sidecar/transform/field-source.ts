import { type Static, Type } from 'typebox'

const closed = { additionalProperties: false }

const pointer = { pattern: '^(/([^~/]|~[01])+)+$', maxLength: 500 }
const pointerForm = 'a JSON pointer (RFC 6901) such as /nama or /biodata/nama'

export const Pointer = Type.String({ ...pointer, description: pointerForm })

/** A pointer with a description of its value. The loader completes "must be …" with the whole description. */
export function pointerTo(what: string) {
  return Type.String({ ...pointer, description: `${pointerForm}: ${what}` })
}

const Scalar = Type.Union([Type.String({ maxLength: 500 }), Type.Number(), Type.Boolean()], {
  description: 'a text, a number, true or false'
})

/** Pointers into an element, each with its constant. */
export const Where = Type.Record(Type.String({ pattern: '^(/([^~/]|~[01])+)+$' }), Scalar, {
  ...closed,
  minProperties: 1,
  description: 'an object of pointers into an element, each with its constant; all must be equal. 1 and "1" are equal'
})

const Convert = Type.Optional(
  Type.Array(Type.Enum(['text', 'digits', 'number']), {
    minItems: 1,
    maxItems: 3,
    description:
      'in this order: text (a whole number, true or false becomes a text), digits (everything except the digits 0 to 9 is removed), number (a text of digits becomes a number). Every text is always trimmed and cleaned'
  })
)

const At = Type.Object({ at: Pointer, convert: Convert }, closed)
const Element = Type.Object(
  { list: Pointer, where: Where, at: Pointer, convert: Convert },
  { ...closed, description: 'the first element of a list that matches `where`, and the value at `at` inside it' }
)
export const OneValue = Type.Union([Pointer, At, Element], {
  description: 'a pointer, { at } or { list, where, at }'
})
const Several = Type.Array(OneValue, { minItems: 2, maxItems: 10 })

/** The place of a value in a record. */
export const FieldSource = Type.Union(
  [
    Pointer,
    At,
    Element,
    Type.Object(
      { firstOf: Several, convert: Convert },
      { ...closed, description: 'the first of several values that is not absent, null or blank' }
    ),
    Type.Object(
      { join: Several, separator: Type.Optional(Type.String({ maxLength: 10 })), convert: Convert },
      { ...closed, description: 'the texts that are not blank, with the separator (a blank) between them' }
    ),
    Type.Object(
      { constant: Type.String({ minLength: 1, maxLength: 100 }) },
      { ...closed, description: 'the same text for every record' }
    )
  ],
  { description: 'a pointer, { at }, { list, where, at }, { firstOf }, { join } or { constant }' }
)

export type Pointer = Static<typeof Pointer>
export type Where = Static<typeof Where>
export type Element = Static<typeof Element>
export type FieldSource = Static<typeof FieldSource>
export type OneValue = Static<typeof OneValue>
type Converter = NonNullable<Static<typeof At>['convert']>[number]

/** Reads a value of a record; `undefined` if there is none. It never throws, regardless of the record. */
export type Read = (record: unknown) => unknown

/** Compiles a source once; reading allocates only the texts of `join` and converters. */
export function compileSource(source: FieldSource): Read {
  if (typeof source === 'string') return compilePointer(source)
  if ('constant' in source) return () => source.constant
  return withConverters(compileUnconverted(source), source.convert)
}

/** Returns the pointer of a source in rejections: the place of its value, or of the list that contains it. */
export function placeOf(source: FieldSource): string {
  if (typeof source === 'string') return source
  if ('list' in source) return source.list
  if ('at' in source) return source.at
  if ('constant' in source) return ''
  const [first = ''] = 'firstOf' in source ? source.firstOf : source.join
  return placeOf(first)
}

/** Returns the pointers that a source reads; those inside an element are prefixed with its list. */
export function pointersOf(source: FieldSource): string[] {
  if (typeof source === 'string') return [source]
  if ('list' in source) return [source.at, ...Object.keys(source.where)].map(pointer => source.list + pointer)
  if ('at' in source) return [source.at]
  if ('constant' in source) return []
  return ('firstOf' in source ? source.firstOf : source.join).flatMap(pointersOf)
}

function compileUnconverted(source: Exclude<FieldSource, string | { constant: string }>): Read {
  if ('list' in source) return compileElement(source)
  if ('at' in source) return compilePointer(source.at)
  if ('firstOf' in source) return compileFirst(source.firstOf.map(compileOne))
  return compileJoin(source.join.map(compileOne), source.separator ?? ' ')
}

function compileOne(source: OneValue): Read {
  return compileSource(source)
}

function compileElement({ list, where, at }: Element): Read {
  const listAt = compilePointer(list)
  const fits = compileWhere(where)
  const valueAt = compilePointer(at)
  return record => {
    const elements = listAt(record)
    if (!Array.isArray(elements)) return undefined
    for (const element of elements) {
      if (fits(element)) return valueAt(element)
    }
    return undefined
  }
}

/** Returns a test whether an element has the constants of `where`. */
export function compileWhere(where: Where): (element: unknown) => boolean {
  const conditions = Object.entries(where).map(([pointer, constant]) => ({
    valueAt: compilePointer(pointer),
    constant: String(constant)
  }))
  return element => {
    for (const { valueAt, constant } of conditions) {
      const value = valueAt(element)
      if (value !== constant && !(isPlain(value) && String(value) === constant)) return false
    }
    return true
  }
}

function compileFirst(reads: readonly Read[]): Read {
  return record => {
    for (const read of reads) {
      const value = read(record)
      if (!isSilent(value)) return value
    }
    return undefined
  }
}

function compileJoin(reads: readonly Read[], separator: string): Read {
  return record => {
    let joined: string | undefined
    for (const read of reads) {
      const value = read(record)
      if (isSilent(value)) continue
      // A value that is not a text is a fault of the record: it is passed on, and the field's own rule rejects it.
      if (typeof value !== 'string') return value
      joined = joined === undefined ? value : joined + separator + value
    }
    return joined
  }
}

function isSilent(value: unknown): boolean {
  return value == null || (typeof value === 'string' && value.trim() === '')
}

function isPlain(value: unknown): value is number | boolean {
  return Number.isSafeInteger(value) || typeof value === 'boolean'
}

const converters: Record<Converter, (value: unknown) => unknown> = {
  // A larger number may have lost digits: it stays a number, which is rejected.
  text: value => (isPlain(value) ? String(value) : value),
  digits: value => (typeof value === 'string' ? value.replace(/\D+/g, '') : value),
  number: value => (typeof value === 'string' && /^\s*\d{1,15}\s*$/.test(value) ? Number(value) : value)
}

function withConverters(read: Read, names: readonly Converter[] = []): Read {
  const [first, ...others] = names.map(name => converters[name])
  if (first === undefined) return read
  if (others.length === 0) return record => first(read(record))
  return record => {
    let value = first(read(record))
    for (const convert of others) value = convert(value)
    return value
  }
}

/**
 * Returns the function that reads the value at a place (RFC 6901); undefined if there is none. A checked pointer refers
 * only to own properties: `findUnsafeToken` rejects others when the description is loaded.
 */
export function compilePointer(pointer: string): Read {
  const keys = tokensOf(pointer)
  const [only = ''] = keys
  if (keys.length === 0) return record => record
  if (keys.length === 1) return record => (record as Record<string, unknown> | null | undefined)?.[only]
  return record => {
    let value: unknown = record
    for (const key of keys) {
      if (typeof value !== 'object' || value === null) return undefined
      value = (value as Record<string, unknown>)[key]
    }
    return value
  }
}

/** Returns the keys of a pointer; none for the empty pointer, which is the record itself. */
export function tokensOf(pointer: string): string[] {
  return pointer
    .split('/')
    .slice(1)
    .map(key => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** Returns a key of the pointer that every object inherits, such as `constructor`; `null` if there is none. */
export function findUnsafeToken(pointer: string): string | null {
  return tokensOf(pointer).find(key => key in Object.prototype) ?? null
}
