import { type Element, type FieldSource, type OneValue, pointersOf } from '../../sidecar/transform/field-source.ts'
import { compileGet, compilePut, type Json } from './json-place.ts'

/** Writes a value where a field source reads it; `variant` chooses among several places. */
export type SourceWriter = (target: Json, value: unknown, variant: number) => void

type Converter = 'text' | 'digits' | 'number'

/** A value that a converter could have received: `digits` gets a separator, `text` a number, and `number` a text. */
const inverses: Record<Converter, (value: unknown) => unknown> = {
  text: value => {
    if (value === 'true' || value === 'false') return value === 'true'
    return typeof value === 'string' && isWholeNumber(value) ? Number(value) : value
  },
  digits: value =>
    typeof value === 'string' && /^\d{2,}$/.test(value) ? `${value.slice(0, 6)}.${value.slice(6)}` : value,
  number: value => (typeof value === 'number' ? String(value) : value)
}

function isWholeNumber(text: string): boolean {
  const number = Number(text)
  return Number.isSafeInteger(number) && String(number) === text
}

/** Converters are applied in order, so they are undone from the last to the first. */
function inverseOf(converters: readonly Converter[] = []): (value: unknown) => unknown {
  return value => converters.reduceRight((given, name) => inverses[name](given), value)
}

/** Returns the writers of the sources that one object is read by, in their order. */
export function compileSources(sources: readonly FieldSource[]): SourceWriter[] {
  const pointers = sources.flatMap(pointersOf)
  const elements = new Map<string, (target: Json) => Json>()
  const elementOf = (source: Element) => {
    const key = JSON.stringify([source.list, Object.entries(source.where).sort()])
    const element = elements.get(key) ?? compileElement(source, pointers)
    elements.set(key, element)
    return element
  }
  const compileOne = (source: OneValue): SourceWriter => {
    if (typeof source === 'string') return compilePut(source)
    const convert = inverseOf(source.convert)
    const put = compilePut(source.at)
    if (!('list' in source)) return (target, value) => put(target, convert(value))
    const element = elementOf(source)
    // An API does not list an element that says nothing.
    return (target, value) => value !== null && put(element(target), convert(value))
  }
  return sources.map(source => {
    if (typeof source === 'string' || 'at' in source) return compileOne(source)
    if ('constant' in source) return () => undefined
    const convert = inverseOf(source.convert)
    if ('firstOf' in source) {
      const writers = source.firstOf.filter((one, at) => at === 0 || isFree(one, pointers)).map(compileOne)
      return (target, value, variant) => firstOf(writers, target, convert(value), variant % writers.length)
    }
    const writers = source.join.map(compileOne)
    return (target, value, variant) => joined(writers, target, convert(value), source.separator ?? ' ', variant)
  })
}

/** Writes into one of several places; those before it say nothing. */
function firstOf(writers: readonly SourceWriter[], target: Json, value: unknown, chosen: number): void {
  for (const [at, write] of writers.entries()) {
    if (at < chosen) write(target, null, 0)
    else if (at === chosen) write(target, value, 0)
  }
}

/** Writes the parts of a text into as many places; a text that would not come together again stands in the first. */
function joined(writers: readonly SourceWriter[], target: Json, value: unknown, separator: string, variant: number) {
  const parts = typeof value === 'string' && separator !== '' ? value.split(separator) : [value]
  const places = writers.length - (variant % writers.length)
  const isWhole = parts.length < 2 || parts.some(part => typeof part === 'string' && part.trim() === '')
  const written = isWhole ? [value] : [...parts.slice(0, places - 1), parts.slice(places - 1).join(separator)]
  for (const [at, write] of writers.entries()) write(target, written[at] ?? null, 0)
}

/** Tells whether a place can be written without touching that of another source. */
function isFree(source: OneValue, pointers: readonly string[]): boolean {
  return pointersOf(source).every(pointer => {
    const isShared = pointers.filter(other => other === pointer).length > 1
    const isCrossed = pointers.some(other => other.startsWith(`${pointer}/`) || pointer.startsWith(`${other}/`))
    return !isCrossed && (typeof source === 'object' || !isShared)
  })
}

/**
 * Returns the function that finds or makes the element of a list that has the constants of `where`. An element that does
 * not fit stands before it, so that nobody takes the first one unseen.
 */
function compileElement({ list, where, at }: Element, pointers: readonly string[]): (target: Json) => Json {
  const listAt = compileGet(list)
  const putList = compilePut(list)
  const constants = Object.entries(where).map(([pointer, value]) => ({ put: compilePut(pointer), value, pointer }))
  const other: Json = {}
  compilePut(at)(other, 'lain')
  for (const { put, value } of constants) put(other, `${value}-lain`)
  const reserved = Math.max(-1, ...pointers.map(pointer => indexBelow(list, pointer)))
  // The last one that was made here, to find it again: another element may have the same constants and more. Records are
  // written one after the other; a WeakMap of all elements took a fifth of the time to collect.
  let made: { elements: Json[]; element: Json } | null = null
  return target => {
    let elements = listAt(target) as Json[] | undefined
    if (elements === undefined) {
      elements = []
      putList(target, elements)
    }
    if (made?.elements === elements) return made.element
    for (let index = 0; index <= reserved; index++) elements[index] ??= {}
    const element: Json = {}
    for (const { put, value } of constants) put(element, value)
    elements.push(other, element)
    made = { elements, element }
    return element
  }
}

/** The index by which a pointer reads a list without a condition; -1 where it does not. */
function indexBelow(list: string, pointer: string): number {
  const [token = ''] = pointer.startsWith(`${list}/`) ? pointer.slice(list.length + 1).split('/') : []
  return /^\d{1,4}$/.test(token) ? Number(token) : -1
}
