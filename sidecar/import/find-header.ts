import { foldWord } from '../transform/text.ts'
import type { TableRow } from './cells.ts'
import { FileFault } from './file-fault.ts'

export interface Header {
  /** By the index of a cell: the column as the description names it. */
  names: ReadonlyMap<number, string>
  /** Cells up to the last one of the header that has a name, described or not. */
  width: number
}

/** Returns a name of a column without what people write differently: case, blanks, line breaks, hyphens. */
export function foldName(text: string): string {
  return foldWord(text.normalize('NFKC').trim())
}

/**
 * Finds the header at the beginning of these rows: the first row in which all of the columns stand, or two rows where
 * some columns share a heading. Under a heading a column is known by its own name, and by the heading's and its own.
 * Returns null where not all of them are there.
 * @throws FileFault where a column stands there twice
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

/** Returns the columns that a header which begins with the first of these rows lacks. */
export function lackingIn(rows: readonly TableRow[], columns: readonly string[]): string[] {
  const [first, second] = rows
  if (first === undefined) return [...columns]
  const known = new Set([...namesOf(first), ...(second === undefined ? [] : namesOf(first, second))].flat())
  return columns.filter(column => !known.has(foldName(column)))
}

/** The names by which each cell of a header is known. */
function namesOf(first: TableRow, second?: TableRow): string[][] {
  const width = Math.max(first.cells.length, second?.cells.length ?? 0)
  const names: string[][] = []
  let heading = ''
  for (let index = 0; index < width; index++) {
    const upper = nameIn(first, index)
    const lower = second === undefined ? '' : nameIn(second, index)
    // A heading over several columns stands in the first of its cells alone.
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
