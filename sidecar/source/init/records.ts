import type { FieldSource } from '../../transform/field-source.ts'
import { compilePointer } from '../../transform/field-source.ts'
import type { Tables } from '../../transform/tables.ts'
import { keysOf, type Place, recognise, wordsOf } from '../check/recognise.ts'
import { escapeToken, isObject, leavesOf, listsOf } from '../check/shape.ts'
import { compileExpand } from '../rows.ts'

/** The records of a page, and the places in them that may be fields. */
export interface Records {
  /** `null` if the page has no list of objects. */
  rows: string | null
  count: number
  /** The list of a person's registrations inside each record. */
  registrations: string | null
  places: Place[]
}

/** Keys that distinguish the elements of a list. */
const discriminators = ['system', 'url', 'type', 'jenis', 'kode', 'code']
const valueKeys = ['value', 'valueCode', 'valueString', 'nilai', 'isi']
const mostKinds = 20

/** Finds the longest list of records, and the list of registrations in them, if the STR number is in one. */
export function findRecords(page: unknown, tables: Tables): Records {
  const [list] = listsOf(page)
  if (list === undefined) return { rows: null, count: 0, registrations: null, places: [] }
  const { pointer: rows, elements } = list
  const found = { rows, count: elements.length, registrations: null }
  const places = placesOf(elements)
  const strPlace = recognise(places, tables).get('strNumber')?.place
  const inner = strPlace === undefined ? innerLists(elements) : innerLists(elements).filter(at => holds(strPlace, at))
  for (const registrations of inner) {
    const expanded = placesOf(elements.flatMap(compileExpand({ list: registrations })))
    const str = recognise(expanded, tables).get('strNumber')?.place
    if (str !== undefined && holds(str, registrations)) return { ...found, registrations, places: expanded }
  }
  return { ...found, places }
}

function holds({ source }: Place, list: string): boolean {
  const at = typeof source === 'string' ? source : 'list' in source ? source.list : ''
  return at.startsWith(`${list}/`)
}

function placesOf(records: readonly unknown[]): Place[] {
  const plain = leavesOf(records).map(({ pointer, values }) => ({ source: pointer, keys: keysOf(pointer), values }))
  return [...plain, ...elementPlaces(records)]
}

/** Returns the lists of objects in records, those nearest to the top first. */
function innerLists(records: readonly unknown[]): string[] {
  const lists = new Set<string>()
  const visit = (value: unknown, pointer: string) => {
    if (Array.isArray(value)) {
      if (value.some(isObject)) lists.add(pointer)
    } else if (isObject(value)) {
      for (const [key, member] of Object.entries(value)) visit(member, `${pointer}/${escapeToken(key)}`)
    }
  }
  for (const record of records) visit(record, '')
  return [...lists].sort((a, b) => a.split('/').length - b.split('/').length)
}

/** Returns a place for each kind of element in lists such as FHIR's identifiers: `{ system, value }`. */
function elementPlaces(records: readonly unknown[]): Place[] {
  return innerLists(records).flatMap(list => {
    const elements = records.flatMap(record => {
      const value = compilePointer(list)(record)
      return Array.isArray(value) ? value.filter(isObject) : []
    }) as Record<string, unknown>[]
    const key = discriminators.find(name => elements.every(element => typeof element[name] === 'string'))
    const value = valueKeys.find(name => elements.some(element => name in element))
    if (key === undefined || value === undefined) return []
    const kinds = [...new Set(elements.map(element => element[key] as string))].slice(0, mostKinds)
    return kinds.map(kind => {
      const source: FieldSource = { list, where: { [`/${key}`]: kind }, at: `/${value}` }
      const values = elements
        .filter(element => element[key] === kind && element[value] != null)
        .map(element => element[value])
      return { source, keys: [wordsOf(kind.split(/[/|#:]/).at(-1) ?? '')], values }
    })
  })
}
