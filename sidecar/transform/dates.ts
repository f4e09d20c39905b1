import type { FormatReader, Reading } from './date-format.ts'
import { compileFormat, jakartaOffsetMs } from './date-format.ts'

/** Returns a day as `YYYY-MM-DD`, or `null` if no declared format matches the text. */
export type DayReader = (text: string) => string | null

/** Returns an instant in milliseconds since the epoch, or `null` if no declared format matches the text. */
export type InstantReader = (text: string) => number | null

/** Possible zones of times without an offset, in hours ahead of UTC; none of them has daylight saving. */
export const zoneOffsets = { 'Asia/Jakarta': 7, 'Asia/Makassar': 8, 'Asia/Jayapura': 9, UTC: 0 } as const

export type Zone = keyof typeof zoneOffsets

/** Before 1964 Indonesia had other offsets (Jakarta: 7:20 to 9 hours), which senders' time zone tables apply. */
const fixedOffsetSince = Date.UTC(1964, 0, 1)
const historicDays = new Map<Zone, Intl.DateTimeFormat>()
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** Returns the day in Jakarta at `ms`, as `YYYY-MM-DD`. */
export function jakartaDay(ms: number): string {
  return dayIn('Asia/Jakarta', ms)
}

function dayIn(zone: Zone, ms: number): string {
  if (ms < fixedOffsetSince) return historicDayIn(zone).format(ms)
  return new Date(Math.min(ms + offsetOf(zone), lastMs)).toISOString().slice(0, 10)
}

function historicDayIn(zone: Zone): Intl.DateTimeFormat {
  const known = historicDays.get(zone) ?? new Intl.DateTimeFormat('sv-SE', { timeZone: zone })
  historicDays.set(zone, known)
  return known
}

/**
 * Returns a parser of days for the declared formats, tried in order.
 *
 * A text without an offset is the day that it states. A text with an offset is converted to the source's zone, in which its
 * midnight is: 17:00Z is the next day in Jakarta. For a source in UTC that is Jakarta. For formats see `date-format.ts`.
 *
 * @param monthNames twelve lists of names and short forms, January first; compared without case
 */
export function compileDayReader(
  formats: readonly string[],
  monthNames: readonly string[][],
  zone: Zone = 'Asia/Jakarta'
): DayReader {
  // A day without a time of day is the same day everywhere.
  const readers = formats.map(format =>
    compileFormat(format, monthNames, offsetOf(format.includes('HH') ? zone : 'Asia/Jakarta'))
  )
  const dayZone = zone === 'UTC' ? 'Asia/Jakarta' : zone
  const dayOffsetMs = offsetOf(dayZone)
  return text => {
    const reading = first(readers, text)
    if (reading === null) return null
    const { offsetMs } = reading
    const isLocal = offsetMs === dayOffsetMs || offsetMs === jakartaOffsetMs
    return isLocal ? dayText(reading) : dayIn(dayZone, millisecondsOf(reading))
  }
}

/** Returns a parser of instants for the declared formats; texts without an offset are in `zone`. */
export function compileInstantReader(
  formats: readonly string[],
  monthNames: readonly string[][],
  zone: Zone = 'Asia/Jakarta'
): InstantReader {
  const readers = formats.map(format => compileFormat(format, monthNames, offsetOf(zone)))
  return text => {
    const reading = first(readers, text)
    if (reading === null) return null
    const ms = millisecondsOf(reading)
    return ms > lastMs ? null : ms
  }
}

function offsetOf(zone: Zone): number {
  return zoneOffsets[zone] * 3_600_000
}

function first(readers: FormatReader[], text: string): Reading | null {
  for (const read of readers) {
    const reading = read(text)
    if (reading !== null) return reading
  }
  return null
}

function dayText({ year, month, day }: Reading): string {
  return `${year}-${month < 10 ? '0' : ''}${month}-${day < 10 ? '0' : ''}${day}`
}

function millisecondsOf({ year, month, day, seconds, offsetMs }: Reading): number {
  return Date.UTC(year, month - 1, day) + Math.round(seconds * 1000) - offsetMs
}
