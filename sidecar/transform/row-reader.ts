import type { Mapping } from './mapping.ts'
import { createTransform, type Transform } from './transform.ts'

/**
 * A row of a file as it is staged, sealed and read again: the values of the columns that the description of files names,
 * the row's number in its file, and the time for which the file says it, an instant.
 */
export interface FileRow {
  columns: unknown
  fileRow: number
  asOf: string
}

/** Reads rows of KKI, whichever way they came: each by the description of its own shape. */
export interface RowReader {
  transform: Transform
  mappingOf(row: unknown): Mapping
}

/** Returns what reads rows of KKI's API by one mapping, and those of its files by the other. */
export function createRowReader(api: Mapping, file: Mapping): RowReader {
  const ofApi = createTransform(api)
  const ofFile = createTransform(file)
  return {
    transform: (row, context) => {
      if (!isFileRow(row)) return ofApi(row, context)
      // It stays what it was when it is read again: a later time would let it replace newer rows.
      return ofFile(row, { ...context, sourceNow: Date.parse(row.asOf) })
    },
    mappingOf: row => (isFileRow(row) ? file : api)
  }
}

function isFileRow(row: unknown): row is FileRow {
  return typeof row === 'object' && row !== null && Object.hasOwn(row, 'fileRow') && Object.hasOwn(row, 'columns')
}
