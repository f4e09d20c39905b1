import { hash } from 'node:crypto'
import { hasInexactNumber, parseExactly } from '../platform/exact-numbers.ts'
import { readJsonText } from '../platform/json-text.ts'
import { cutDeep, cutDeepValue, isTooDeep, maxDepth } from '../transform/depth.ts'
import { compilePointer, compileSource, compileWhere, tokensOf } from '../transform/field-source.ts'
import { AttemptFailed } from './attempt.ts'
import type { Answer, SourceDescription } from './description.ts'
import type { RowFilter } from './row-filter.ts'
import type { KkiPage } from './types.ts'

type Found = Pick<KkiPage, 'rows' | 'received' | 'body' | 'fingerprint' | 'keys'>

export interface FindOptions {
  /** `null` keeps every row. */
  filter: RowFilter | null
  /** The first record is left out. */
  isOverlapped?: boolean
}

/** Finds the rows of an answer. @throws AttemptFailed */
export type FindRows = (envelope: unknown, body: Buffer, options: FindOptions) => Found

/** Returns a key that identifies a record; equal for the same record in two answers. */
export type KeyOf = (record: unknown) => string

/** 96 bits. */
const keyLength = 16
/** The place of the rows in a stored page. */
const storedPlace = '/data'

/**
 * Returns a function that finds the rows of an answer. For counted pages (`keyOf`), only the rows show the page's place
 * in the list, and whether it repeats.
 *
 * A page is stored as an object with its rows under `data`. An answer in that form is kept unchanged. Another answer is
 * written in that form, with exact numbers.
 */
export function compileRows(
  shape: Pick<Answer, 'rows' | 'rowsMayBe' | 'registrations'> & { record?: string },
  keyOf: KeyOf | null
): FindRows {
  const { rowsMayBe = [], registrations, record } = shape
  const pointer = record ?? shape.rows
  const at = compilePointer(pointer)
  const expand = registrations === undefined ? null : compileExpand(registrations)
  const depth = tokensOf(pointer).length + 1
  const isStoredForm = pointer === storedPlace && record === undefined && expand === null

  function listIn(envelope: unknown): readonly unknown[] {
    const value = at(envelope)
    if (record !== undefined) {
      if (typeof value === 'object' && value !== null && !Array.isArray(value)) return [value]
    } else if (Array.isArray(value)) return value
    if (value === undefined && rowsMayBe.includes('absent')) return []
    if (value === null && rowsMayBe.includes('null')) return []
    const expected = record === undefined ? 'must be a list' : 'must be an object'
    throw new AttemptFailed({
      kind: 'contract',
      problem: `sent a page that breaks the contract at ${pointer || '/'}: ${expected}`
    })
  }

  return (envelope, body, { filter, isOverlapped = false }) => {
    const list = listIn(envelope)
    const found = { received: list.length, ...identify(list, keyOf) }
    if (isStoredForm && filter === null && !isOverlapped) return { rows: list, body, ...found }
    const from = isOverlapped ? 1 : 0
    const kept = expand === null ? list.slice(from) : list.slice(from).flatMap(expand)
    const isKept = filter === null ? kept.map(() => true) : kept.map(filter)
    const rows = kept.filter((_, index) => isKept[index])
    const exactRows = () => {
      const exact = listIn(parseExactly(cutDeep(readJsonText(body), maxDepth + depth))).slice(from)
      return (expand === null ? exact : exact.flatMap(expand)).filter((_, index) => isKept[index])
    }
    return { rows, body: storedForm(rows, exactRows), ...found }
  }
}

function identify(list: readonly unknown[], keyOf: KeyOf | null): Pick<KkiPage, 'fingerprint' | 'keys'> {
  if (keyOf === null) return { fingerprint: null, keys: [] }
  const records = list.map(shallow)
  return { fingerprint: fingerprintOf(records), keys: records.map(keyOf) }
}

function storedForm(rows: readonly unknown[], exactRows: () => readonly unknown[]): Buffer {
  const shallowRows = rows.map(shallow)
  const written = shallowRows.some(hasInexactNumber) ? exactRows().map(shallow) : shallowRows
  return Buffer.from(`{"data":${JSON.stringify(written)}}`)
}

/** Returns a digest that only pages with the same rows share; `null` for a page without rows. */
function fingerprintOf(rows: readonly unknown[]): string | null {
  return rows.length === 0 ? null : hash('sha256', JSON.stringify(rows), 'base64')
}

/** Returns a function that makes the key of a record from its fields, because other members may differ between answers. */
export function compileKey({ fields, answer }: Pick<SourceDescription, 'fields' | 'answer'>): KeyOf {
  const reads = Object.values(fields).map(compileSource)
  const expand =
    answer.registrations === undefined ? (record: unknown) => [record] : compileExpand(answer.registrations)
  return record => {
    const values = expand(record).map(row => reads.map(read => read(row)))
    const says = values.flat().some(value => value !== undefined) ? values : record
    return hash('sha256', JSON.stringify(says) ?? '', 'base64url').slice(0, keyLength)
  }
}

function shallow(row: unknown): unknown {
  return isTooDeep(row) ? cutDeepValue(row) : row
}

/** Returns a function that makes one row of each registration in a record, with the registration instead of the list. */
export function compileExpand({ list, where }: NonNullable<Answer['registrations']>): (record: unknown) => unknown[] {
  const keys = tokensOf(list)
  const listAt = compilePointer(list)
  const fits = where === undefined ? () => true : compileWhere(where)
  return record => {
    const elements = listAt(record)
    const fitting = Array.isArray(elements) ? elements.filter(fits) : []
    // Kept unchanged, so that it is rejected for its missing values and is not lost.
    return fitting.length === 0 ? [record] : fitting.map(element => withElement(record, keys, element))
  }
}

/** Copies the objects on the path to a place, and sets a value there. */
function withElement(value: unknown, [key, ...others]: readonly string[], element: unknown): unknown {
  if (key === undefined) return element
  const copy = (Array.isArray(value) ? value.slice() : { ...(value as object) }) as Record<string, unknown>
  copy[key] = withElement(copy[key], others, element)
  return copy
}
