/** The columns with sealed values. Staged values are sealed for their final column. */
export type SealedColumn =
  | 'sdmk.health_worker.nik_sealed'
  | 'sdmk.former_nik.nik_sealed'
  | 'kki.change.health_worker_before'
  | 'kki.rejection_occurrence.raw_sealed'
  | 'kki.staged_page.body_sealed'
  | 'kki.batch.cursor'

/**
 * The place of one sealed value. The value can be opened only there. So an attacker who can write to the database, but has no
 * key, cannot move the number or the row of one person to another.
 */
export interface SealPlace {
  column: SealedColumn
  /** Identifies the row. Errors and the audit repeat it, so it contains only ids. */
  row: string
  /** Further content of the row that the value is bound to. Errors and the audit do not repeat it. */
  beside?: string
}

/** The sender of a rejected row: KKI, or SDMK in a file. */
export type RowSource = 'kki' | 'sdmk'

export function nikOf(healthWorkerId: number | null): SealPlace {
  return { column: 'sdmk.health_worker.nik_sealed', row: `health worker ${healthWorkerId}` }
}

export function formerNikOf(healthWorkerId: number): SealPlace {
  return { column: 'sdmk.former_nik.nik_sealed', row: `health worker ${healthWorkerId}` }
}

/** A NIK that a change took from a person, which an undo restores. */
export function nikBeforeChangeOf(healthWorkerId: number): SealPlace {
  return { column: 'kki.change.health_worker_before', row: `health worker ${healthWorkerId}` }
}

/** `subject` is that of the rejection. A digest as subject is left out, since another digest key changes it. */
export function rawRowOf(source: RowSource, batchId: number, rowNo: number, subject: string): SealPlace {
  return {
    column: 'kki.rejection_occurrence.raw_sealed',
    row: `batch ${batchId} row ${rowNo}`,
    beside: besideRow(`${source} ${subject}`)
  }
}

export function pageOf(batchId: number, page: number): SealPlace {
  return { column: 'kki.staged_page.body_sealed', row: `batch ${batchId} page ${page}` }
}

export function cursorOf(batchId: number): SealPlace {
  return { column: 'kki.batch.cursor', row: `batch ${batchId}` }
}

/** Returns the content that a rejected row is bound to, from `<source> <subject>`. */
export function besideRow(sourceAndSubject: string): string {
  return sourceAndSubject.replace(/ row:.*/, ' ')
}
