import { compileInstantReader } from './dates.ts'
import { compileSource } from './field-source.ts'
import { cleanValue } from './fields.ts'
import type { Mapping } from './mapping.ts'

/** Returns when a record was changed, in milliseconds since the epoch; `null` if that cannot be read. */
export type StampReader = (record: unknown) => number | null

/** Returns the reader of the time of change; `null` if the mapping does not describe one. */
export function compileStamp({ fields, dateFormats, monthNames, dateZone }: Mapping): StampReader | null {
  if (fields.changedAt === undefined) return null
  const read = compileSource(fields.changedAt)
  const timeOf = compileInstantReader(dateFormats.changedAt ?? [], monthNames, dateZone)
  return record => {
    const value = read(record)
    return typeof value === 'string' || typeof value === 'number' ? timeOf(cleanValue(String(value))) : null
  }
}
