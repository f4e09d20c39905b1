import type { FastifyBaseLogger } from 'fastify'
import type { RowPosition } from '../transform/types.ts'

/** Log lines for single errors; a field that KKI has renamed is wrong in every row. */
const linesPerWalk = 20

/**
 * Logs format errors in KKI's rows with code and place, never with the value. After the first ones errors are only counted,
 * and logged together at the end.
 */
export class FormatErrorLog {
  readonly #logger: FastifyBaseLogger
  readonly #counts = new Map<string, number>()
  #total = 0

  constructor(logger: FastifyBaseLogger) {
    this.#logger = logger
  }

  /**
   * Adds the errors of one row. The row may still be used in part: a row with an invalid NIK, or a deactivation with other
   * faults.
   */
  add({ page, rowNo, pageRow }: RowPosition, problems: readonly { code: string; instancePath: string }[]): void {
    for (const { code, instancePath: path } of problems) {
      this.#total += 1
      const key = `${code} ${path}`
      this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
      if (this.#total > linesPerWalk) continue
      this.#logger.warn({ code, page, page_row: pageRow, row: rowNo, path }, 'a row of KKI has a format error')
    }
  }

  /** Call it when all pages are read. */
  finish(): void {
    if (this.#total <= linesPerWalk) return
    const fields = { errors: this.#total, logged: linesPerWalk, counts: Object.fromEntries(this.#counts) }
    this.#logger.warn(fields, 'KKI sent more format errors than are logged one by one')
  }
}
