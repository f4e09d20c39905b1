import type { FormatReader, Reading } from './date-format.ts'
import { compileFormat, jakartaOffsetMs } from './date-format.ts'

/** Reads a day as `YYYY-MM-DD`, or `null` where no declared format reads the text. */
export type DayReader = (text: string) => string | null

/** Reads an instant in milliseconds since the epoch, or `null` where no declared format reads the text. */
export type InstantReader = (text: string) => number | null

/** Before 1964 Jakarta's clocks stood elsewhere (7:20 to 9 hours), and time zone tables of senders know it. */
const fixedOffsetSince = Date.UTC(1964, 0, 1)
const historicDay = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Jakarta' })
const lastMs = Date.UTC(9999, 11, 31, 23, 59, 59, 999)

/** Returns the day that it is in Jakarta at `ms`, as `YYYY-MM-DD`. */
export function jakartaDay(ms: number): string {
  if (ms < fixedOffsetSince) return historicDay.format(ms)
  return new Date(Math.min(ms + jakartaOffsetMs, lastMs)).toISOString().slice(0, 10)
}

/**
 * Returns a reader of days for the declared formats, tried in order.
 *
 * A text with an offset is read in Asia/Jakarta (17:00Z is the next day there); for formats see `date-format.ts`.
 *
 * @param monthNames twelve lists of names and short forms, January first; compared without case
 */
export function compileDayReader(formats: readonly string[], monthNames: readonly string[][]): DayReader {
  const readers = formats.map(format => compileFormat(format, monthNames))
  return text => {
    const reading = first(readers, text)
    if (reading === null) return null
    return reading.offsetMs === jakartaOffsetMs ? dayText(reading) : jakartaDay(millisecondsOf(reading))
  }
}

/** Returns a reader of instants for the declared formats; local ones are read as times of Jakarta (UTC+7). */
export function compileInstantReader(formats: readonly string[], monthNames: readonly string[][]): InstantReader {
  const readers = formats.map(format => compileFormat(format, monthNames))
  return text => {
    const reading = first(readers, text)
    if (reading === null) return null
    const ms = millisecondsOf(reading)
    return ms > lastMs ? null : ms
  }
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
