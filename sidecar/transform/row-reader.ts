import type { Mapping } from './mapping.ts'
import { createTransform, type Transform } from './transform.ts'

/**
 * The form in which a row of a file is staged, sealed and read again: the values of the described columns, the row's
 * number in its file, and the time of the file, an instant.
 */
export interface FileRow {
  columns: unknown
  fileRow: number
  asOf: string
}

/** Reads rows of KKI from its API or its files, each with its own description. */
export interface RowReader {
  transform: Transform
  mappingOf(row: unknown): Mapping
}

/** Returns a reader that uses one mapping for rows of KKI's API, and the other for rows of its files. */
export function createRowReader(api: Mapping, file: Mapping): RowReader {
  const ofApi = createTransform(api)
  const ofFile = createTransform(file)
  return {
    transform: (row, context) => {
      if (!isFileRow(row)) return ofApi(row, context)
      // The time stays the same when the row is read again: a later time would let it replace newer rows.
      return ofFile(row, { ...context, sourceNow: Date.parse(row.asOf) })
    },
    mappingOf: row => (isFileRow(row) ? file : api)
  }
}

function isFileRow(row: unknown): row is FileRow {
  return typeof row === 'object' && row !== null && Object.hasOwn(row, 'fileRow') && Object.hasOwn(row, 'columns')
}
