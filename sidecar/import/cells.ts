/**
 * A cell of a table, as stored in its file: `null` if it is empty, `{ serial }` for a date that a spreadsheet counts in days,
 * `{ fault }` if it has no usable value, such as `#N/A`.
 */
export type Cell = string | number | boolean | null | { serial: number } | { fault: string }

/** A row of a table; `number` is its line in a text or its row in a sheet. Any cell may be missing. */
export interface TableRow {
  number: number
  cells: readonly (Cell | undefined)[]
}

/** True for a cell without a value. */
export function isBlankCell(cell: Cell | undefined): boolean {
  return cell == null || (typeof cell === 'string' && cell.trim() === '')
}

/** Removes the signs that make a spreadsheet treat digits as text: a formula `="3273…"`, or an apostrophe. */
export function plainText(cell: string): string {
  const text = cell.trim()
  const formula = /^="(.*)"$/s.exec(text)?.[1]?.replaceAll('""', '"') ?? text
  return formula.replace(/^['‘’`](?=\d)/, '')
}

/** Fewer numbers could all end with 0 by chance. */
const fewestNiks = 10

/** Detects rounded NIKs. A spreadsheet keeps 15 digits of a number, so the last digit becomes 0, as in another person's NIK. */
export class NikEndings {
  #niks = 0
  #zeros = 0

  add(nik: unknown): void {
    if (typeof nik !== 'string' || !/^\d{16}$/.test(nik)) return
    this.#niks++
    if (nik.endsWith('0')) this.#zeros++
  }

  /** True if every NIK of the file ends with 0. */
  get areRounded(): boolean {
    return this.#niks >= fewestNiks && this.#zeros === this.#niks
  }
}
