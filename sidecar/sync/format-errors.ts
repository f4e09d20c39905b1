import type { FastifyBaseLogger } from 'fastify'
import type { RowPosition } from '../transform/types.ts'

/** Lines for single errors; a field that KKI has renamed is wrong in every row. */
const linesPerWalk = 20

/**
 * Logs what is wrong with the format of KKI's rows: which code, where, never the value. After the first ones errors are
 * only counted, and told together at the end.
 */
export class FormatErrorLog {
  readonly #logger: FastifyBaseLogger
  readonly #counts = new Map<string, number>()
  #total = 0

  constructor(logger: FastifyBaseLogger) {
    this.#logger = logger
  }

  /**
   * Adds what is wrong with one row. It may be one that goes on with a part that cannot be read: a NIK that cannot be one,
   * an ending among faults.
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

  /** To be called when all pages are read. */
  finish(): void {
    if (this.#total <= linesPerWalk) return
    const fields = { errors: this.#total, logged: linesPerWalk, counts: Object.fromEntries(this.#counts) }
    this.#logger.warn(fields, 'KKI sent more format errors than are logged one by one')
  }
}
