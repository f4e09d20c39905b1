import { foldWord } from '../transform/text.ts'
import type { TableRow } from './cells.ts'
import { FileFault } from './file-fault.ts'

export interface Header {
  /** The described column of each cell, by the index of the cell. */
  names: ReadonlyMap<number, string>
  /** The number of cells up to the last one with a name, described or not. */
  width: number
}

/** Normalises a column name, because people write case, blanks, line breaks and hyphens differently. */
export function foldName(text: string): string {
  return foldWord(text.normalize('NFKC').trim())
}

/**
 * Reads a header at the beginning of these rows. It is one row, or two rows if some columns share a heading. A column under a
 * heading is found by its own name, or by both names together. Returns null if not all columns are there.
 * @throws FileFault if a column is there twice
 */
export function findHeader(rows: readonly TableRow[], columns: readonly string[]): Header | null {
  const [first, second] = rows
  if (first === undefined) return null
  for (const header of second === undefined ? [namesOf(first)] : [namesOf(first), namesOf(first, second)]) {
    const found = match(header, columns, first.number)
    if (found !== null) return found
  }
  return null
}

/** Returns the columns that are missing from the header in these rows. */
export function lackingIn(rows: readonly TableRow[], columns: readonly string[]): string[] {
  const [first, second] = rows
  if (first === undefined) return [...columns]
  const known = new Set([...namesOf(first), ...(second === undefined ? [] : namesOf(first, second))].flat())
  return columns.filter(column => !known.has(foldName(column)))
}

/** Returns the possible names of each cell of a header. */
function namesOf(first: TableRow, second?: TableRow): string[][] {
  const width = Math.max(first.cells.length, second?.cells.length ?? 0)
  const names: string[][] = []
  let heading = ''
  for (let index = 0; index < width; index++) {
    const upper = nameIn(first, index)
    const lower = second === undefined ? '' : nameIn(second, index)
    // Only the first cell of a heading over several columns has its text.
    heading = upper || heading
    if (lower === '') names.push(upper === '' ? [] : [foldName(upper)])
    else names.push([foldName(lower), ...(heading === '' ? [] : [foldName(`${heading} ${lower}`)])])
  }
  return names
}

function nameIn({ cells }: TableRow, index: number): string {
  const cell = cells[index]
  return typeof cell === 'string' ? cell.trim() : ''
}

function match(header: readonly string[][], columns: readonly string[], row: number): Header | null {
  const names = new Map<number, string>()
  for (const column of columns) {
    const name = foldName(column)
    const places = header.flatMap((known, index) => (known.includes(name) ? [index] : []))
    const [place, twice] = places
    if (place === undefined) return null
    if (twice !== undefined) {
      throw new FileFault({ row }, 'inTwoPlaces', { column, first: place + 1, second: twice + 1 })
    }
    names.set(place, column)
  }
  return { names, width: header.findLastIndex(known => known.length > 0) + 1 }
}
