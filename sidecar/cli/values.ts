import { InvalidArgumentError } from 'commander'
import { instantForm, isDay, parseInstant } from '../platform/instant.ts'
import { nextSlot } from '../sync/schedule-slot.ts'

/** Most records of the simulator. Repeated here, because an installation may not contain the simulator. */
export const mostSimulatedRows = 2 ** 24

/** The largest id that JavaScript holds exactly. */
const mostId = Number.MAX_SAFE_INTEGER

/**
 * Returns a parser of whole numbers, both bounds included, for an option or an argument. It accepts only decimal digits:
 * `Number` would also accept `1e3`, `0x10`, ` 5` and an empty text.
 */
export function wholeNumber(minimum: number, maximum: number): (text: string) => number {
  return text => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (value >= minimum && value <= maximum) return value
    throw new InvalidArgumentError(`It must be a whole number from ${minimum} to ${maximum}, in decimal digits.`)
  }
}

/** Parses an id. @throws InvalidArgumentError */
export const id = wholeNumber(1, mostId)

/** Parses `<batch>:<row>`. @throws InvalidArgumentError */
export function rowPlace(text: string): { batchId: number; rowNo: number } {
  const [batch, row, ...more] = text.split(':')
  try {
    if (batch !== undefined && row !== undefined && more.length === 0) return { batchId: id(batch), rowNo: id(row) }
  } catch {
    // Reported below, with the whole form.
  }
  throw new InvalidArgumentError('It must be the number of a batch, a colon, and the number of a row, such as 12:7.')
}

/** An instant, or a day whose first instant depends on the configured time zone. */
export type InstantOrDay = { at: Date } | { day: string }

/** The form that `instantOrDay` accepts, for `--help`. */
export const instantOrDayForm =
  'RFC 3339 with an offset, such as 2026-02-01T08:00:00+07:00, or a day YYYY-MM-DD: its beginning in SDMK_TIME_ZONE (Asia/Jakarta unless set)'

/** Parses an instant or a calendar day. @throws InvalidArgumentError */
export function instantOrDay(text: string): InstantOrDay {
  const at = parseInstant(text)
  if (at !== null) return { at }
  if (isDay(text) && !text.startsWith('0000')) return { day: text }
  throw new InvalidArgumentError(`It must be ${instantForm}, or a day such as 2026-02-01.`)
}

/** Returns the instant; for a day its first instant in `timeZone`, an IANA name. */
export function toInstant(value: InstantOrDay, timeZone: string): Date {
  if ('at' in value) return value.at
  const [, month, day] = value.day.split('-').map(Number)
  // No zone differs from UTC by more than 14 hours, so 24 hours earlier is before the day everywhere.
  const before = new Date(Date.parse(`${value.day}T00:00:00Z`) - 24 * 3_600_000)
  return nextSlot(`0 0 ${day} ${month} *`, timeZone, before)
}
