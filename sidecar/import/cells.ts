/**
 * A cell of a table, as its file holds it: `null` where it is empty, `{ serial }` for a date that a spreadsheet counts in
 * days, `{ fault }` where no value can be had, such as `#N/A`.
 */
export type Cell = string | number | boolean | null | { serial: number } | { fault: string }

/** A row of a table; `number` is its line or its row in the sheet. Cells may be missing at its end and between others. */
export interface TableRow {
  number: number
  cells: readonly (Cell | undefined)[]
}

/** Returns true for a cell without a value. */
export function isBlankCell(cell: Cell | undefined): boolean {
  return cell == null || (typeof cell === 'string' && cell.trim() === '')
}

/** What people write so that a spreadsheet leaves digits alone: a formula `="3273…"`, or an apostrophe. */
export function plainText(cell: string): string {
  const text = cell.trim()
  const formula = /^="(.*)"$/s.exec(text)?.[1]?.replaceAll('""', '"') ?? text
  return formula.replace(/^['‘’`](?=\d)/, '')
}

/** Fewer could all end so by chance. */
const fewestNiks = 10

/** Spreadsheets keep 15 digits of a number. A NIK that was one ends with 0 then, and may be that of somebody else. */
export class NikEndings {
  #niks = 0
  #zeros = 0

  add(nik: unknown): void {
    if (typeof nik !== 'string' || !/^\d{16}$/.test(nik)) return
    this.#niks++
    if (nik.endsWith('0')) this.#zeros++
  }

  /** True where every NIK of the file ends with 0. */
  get areRounded(): boolean {
    return this.#niks >= fewestNiks && this.#zeros === this.#niks
  }
}
