import { tokensOf } from '../../transform/field-source.ts'

/** Deeper values are not fields of a record. */
const deepest = 6
/** A record with more is a table, not a record. */
const mostLeaves = 500

/** One place of a record that holds plain values, and the values of all records that have one. */
export interface Leaf {
  /** For a value inside a list: the place in its first element. */
  pointer: string
  /** Neither null nor blank. */
  values: unknown[]
}

/** Returns the places at which records hold plain values, in the order of their first appearance. */
export function leavesOf(records: readonly unknown[]): Leaf[] {
  const leaves = new Map<string, Leaf>()
  for (const record of records) collect(record, '', 0, leaves)
  return [...leaves.values()]
}

function collect(value: unknown, pointer: string, depth: number, leaves: Map<string, Leaf>): void {
  if (Array.isArray(value)) {
    if (depth < deepest && value.length > 0) collect(value[0], `${pointer}/0`, depth + 1, leaves)
    return
  }
  if (typeof value === 'object' && value !== null) {
    if (depth === deepest) return
    for (const [key, member] of Object.entries(value)) {
      collect(member, `${pointer}/${escapeToken(key)}`, depth + 1, leaves)
    }
    return
  }
  if (pointer === '') return
  let leaf = leaves.get(pointer)
  if (leaf === undefined) {
    if (leaves.size === mostLeaves) return
    leaf = { pointer, values: [] }
    leaves.set(pointer, leaf)
  }
  if (value !== null && value !== undefined && !(typeof value === 'string' && value.trim() === '')) {
    leaf.values.push(value)
  }
}

/** A list of objects somewhere in an answer. */
export interface List {
  pointer: string
  elements: object[]
}

/** Returns the lists of an answer that hold mostly objects and are not inside another list, the longest first. */
export function listsOf(answer: unknown): List[] {
  const lists: List[] = []
  findLists(answer, '', 0, lists)
  return lists.sort((a, b) => b.elements.length - a.elements.length)
}

function findLists(value: unknown, pointer: string, depth: number, lists: List[]): void {
  if (Array.isArray(value)) {
    const elements = value.filter(isObject)
    if (elements.length > value.length / 2) lists.push({ pointer, elements })
  } else if (isObject(value) && depth < deepest) {
    for (const [key, member] of Object.entries(value)) {
      findLists(member, `${pointer}/${escapeToken(key)}`, depth + 1, lists)
    }
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function escapeToken(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/** Returns a pointer without the places in lists, to compare it with the pointer of a list's elements. */
export function withoutIndexes(pointer: string): string {
  return tokensOf(pointer)
    .filter(key => !/^\d+$/.test(key))
    .map(key => `/${escapeToken(key)}`)
    .join('')
}

/** Returns a pointer that may be printed: a key with many digits may be a person's number. */
export function printablePointer(pointer: string): string {
  return pointer
    .split('/')
    .map(key => (/\d{6}/.test(key) ? '*' : key))
    .join('/')
}
