import { type Element, type FieldSource, type OneValue, pointersOf } from '../../sidecar/transform/field-source.ts'
import { compileGet, compilePut, type Json } from './json-place.ts'

/** Writes a value at the place from which a field source reads it; `variant` chooses one of several places. */
export type SourceWriter = (target: Json, value: unknown, variant: number) => void

type Converter = 'text' | 'digits' | 'number'

/** Functions that return a possible input of a converter: separators for `digits`, a number for `text`, a text for `number`. */
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

/** Converters are applied in order, so their inverses are applied from the last to the first. */
function inverseOf(converters: readonly Converter[] = []): (value: unknown) => unknown {
  return value => converters.reduceRight((given, name) => inverses[name](given), value)
}

/** Returns a writer for each of the sources that read from one object, in their order. */
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
    // An API does not list an element without a value.
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

/** Writes into one of several places; the places before it get no value. */
function firstOf(writers: readonly SourceWriter[], target: Json, value: unknown, chosen: number): void {
  for (const [at, write] of writers.entries()) {
    if (at < chosen) write(target, null, 0)
    else if (at === chosen) write(target, value, 0)
  }
}

/** Writes the parts of a text into several places. A text that joining would change is written into the first place whole. */
function joined(writers: readonly SourceWriter[], target: Json, value: unknown, separator: string, variant: number) {
  const parts = typeof value === 'string' && separator !== '' ? value.split(separator) : [value]
  const places = writers.length - (variant % writers.length)
  const isWhole = parts.length < 2 || parts.some(part => typeof part === 'string' && part.trim() === '')
  const written = isWhole ? [value] : [...parts.slice(0, places - 1), parts.slice(places - 1).join(separator)]
  for (const [at, write] of writers.entries()) write(target, written[at] ?? null, 0)
}

/** True if a place can be written without changing the place of another source. */
function isFree(source: OneValue, pointers: readonly string[]): boolean {
  return pointersOf(source).every(pointer => {
    const isShared = pointers.filter(other => other === pointer).length > 1
    const isCrossed = pointers.some(other => other.startsWith(`${pointer}/`) || pointer.startsWith(`${other}/`))
    return !isCrossed && (typeof source === 'object' || !isShared)
  })
}

/**
 * Returns a function that finds or creates the list element that has the constants of `where`. An element without these
 * constants comes before it, so that a reader that takes the first element without a check fails.
 */
function compileElement({ list, where, at }: Element, pointers: readonly string[]): (target: Json) => Json {
  const listAt = compileGet(list)
  const putList = compilePut(list)
  const constants = Object.entries(where).map(([pointer, value]) => ({ put: compilePut(pointer), value, pointer }))
  const other: Json = {}
  compilePut(at)(other, 'lain')
  for (const { put, value } of constants) put(other, `${value}-lain`)
  const reserved = Math.max(-1, ...pointers.map(pointer => indexBelow(list, pointer)))
  // The last element that was created here. It must be remembered, because another element may have the same constants and
  // more. One is enough, because records are written one after the other; a WeakMap of all cost a fifth of the time to collect.
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

/** Returns the index at which a pointer reads a list without a condition; -1 if it does not read the list so. */
function indexBelow(list: string, pointer: string): number {
  const [token = ''] = pointer.startsWith(`${list}/`) ? pointer.slice(list.length + 1).split('/') : []
  return /^\d{1,4}$/.test(token) ? Number(token) : -1
}
