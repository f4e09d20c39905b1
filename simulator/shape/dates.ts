import { type Zone, zoneOffsets } from '../../sidecar/transform/dates.ts'
import { type CalendarDate, pad } from '../nik.ts'

const HOUR_MS = 3_600_000
const tokens = /YYYY|MMMM|MM|DD|D|HH|mm|ss/g

/** Writes an instant (milliseconds since the epoch) as a text or a number. */
export type InstantWriter = (ms: number) => string | number
export type DayWriter = (date: CalendarDate) => string | number

/** The parts of a local time that a pattern can contain. */
interface LocalTime extends CalendarDate {
  /** Seconds since midnight. */
  seconds: number
}

/** Returns a function that writes instants in a format of a description; a pattern uses the time zone `zone`. */
export function compileInstant(format: string, zone: Zone, monthNames: readonly string[][]): InstantWriter {
  if (format === 'epochSeconds') return ms => Math.floor(ms / 1000)
  if (format === 'epochMilliseconds') return ms => ms
  if (format === 'instant') return ms => new Date(ms).toISOString()
  const write = compilePattern(format, monthNames)
  return ms => {
    const local = new Date(ms + zoneOffsets[zone] * HOUR_MS)
    return write({
      year: local.getUTCFullYear(),
      month: local.getUTCMonth() + 1,
      day: local.getUTCDate(),
      seconds: local.getUTCHours() * 3600 + local.getUTCMinutes() * 60 + local.getUTCSeconds()
    })
  }
}

/** Returns a function that writes days. A format with a time gets the day's midnight in the zone. */
export function compileDay(format: string, zone: Zone, monthNames: readonly string[][]): DayWriter {
  if (format === 'instant' || format.startsWith('epoch')) {
    const write = compileInstant(format, zone, monthNames)
    return ({ year, month, day }) => write(Date.UTC(year, month - 1, day) - zoneOffsets[zone] * HOUR_MS)
  }
  const write = compilePattern(format, monthNames)
  return ({ year, month, day }) => write({ year, month, day, seconds: 0 })
}

/** Parses a pattern only once, because each row has up to four dates. */
function compilePattern(format: string, monthNames: readonly string[][]): (time: LocalTime) => string {
  const parts: Record<string, (time: LocalTime) => string> = {
    YYYY: ({ year }) => pad(year, 4),
    MMMM: ({ month }) => monthNames[month - 1]?.[0] ?? '',
    MM: ({ month }) => twoDigits(month),
    DD: ({ day }) => twoDigits(day),
    D: ({ day }) => String(day),
    HH: ({ seconds }) => twoDigits(Math.floor(seconds / 3600)),
    mm: ({ seconds }) => twoDigits(Math.floor(seconds / 60) % 60),
    ss: ({ seconds }) => twoDigits(seconds % 60)
  }
  const literals = format.split(tokens)
  const writers = (format.match(tokens) ?? []).map(token => parts[token] as (time: LocalTime) => string)
  return time => {
    let text = literals[0] as string
    for (let at = 0; at < writers.length; at++) text += writers[at]?.(time) + (literals[at + 1] as string)
    return text
  }
}

const hundred = Array.from({ length: 100 }, (_, number) => pad(number, 2))

function twoDigits(number: number): string {
  return hundred[number] as string
}

const longMonths = ['januari', 'februari', 'maret', 'april', 'mei', 'juni', 'juli', 'agustus', 'september']
const months = [...longMonths, 'oktober', 'november', 'desember']

/** Reads a day in one of the three forms of generated records; null if the text is not a day. */
export function readWrittenDay(text: string): CalendarDate | null {
  const [, y, m, d] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []
  if (y !== undefined) return checkedDay(Number(y), Number(m), Number(d))
  const [, day, month, year] = /^(\d\d)-(\d\d)-(\d{4})$/.exec(text) ?? []
  if (day !== undefined) return checkedDay(Number(year), Number(month), Number(day))
  const [, dayInWords, name = '', yearInWords] = /^(\d{1,2}) ([A-Za-z]+) (\d{4})$/.exec(text) ?? []
  if (dayInWords === undefined) return null
  return checkedDay(Number(yearInWords), months.indexOf(name.toLowerCase()) + 1, Number(dayInWords))
}

const daysOfMonth = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function checkedDay(year: number, month: number, day: number): CalendarDate | null {
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const days = month === 2 && isLeap ? 29 : (daysOfMonth[month - 1] ?? 0)
  return day >= 1 && day <= days && year >= 100 ? { year, month, day } : null
}

const instant = /^(\d{4})-(\d\d)-(\d\d)[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/

/** Reads the bound of a window, and returns its instant and the length of its unit; null if the text is not a bound. */
export function readBound(text: string, format: string, zone: Zone): { ms: number; unitMs: number } | null {
  if (format === 'instant') {
    const [, year, month, day] = instant.exec(text) ?? []
    const isDay = year !== undefined && checkedDay(Number(year), Number(month), Number(day)) !== null
    const ms = isDay ? Date.parse(text) : Number.NaN
    return Number.isNaN(ms) ? null : { ms, unitMs: 1 }
  }
  if (format.startsWith('epoch')) {
    const unitMs = format === 'epochSeconds' ? 1000 : 1
    return /^-?\d{1,15}$/.test(text) ? { ms: Number(text) * unitMs, unitMs } : null
  }
  const part = (token: string, otherwise: number) => {
    const at = format.indexOf(token)
    return at < 0 ? otherwise : Number(text.slice(at, at + token.length))
  }
  const day = Date.UTC(part('YYYY', 1970), part('MM', 1) - 1, part('DD', 1))
  const ms = day + part('HH', 0) * HOUR_MS + part('mm', 0) * 60_000 + part('ss', 0) * 1000 - zoneOffsets[zone] * HOUR_MS
  // The instant must give the same text when it is written again. This finds 30 February, and characters that are no digits.
  if (Number.isNaN(ms) || compileInstant(format, zone, [])(ms) !== text) return null
  return { ms, unitMs: unitOf(format) }
}

function unitOf(format: string): number {
  if (format.includes('ss')) return 1000
  if (format.includes('mm')) return 60_000
  return format.includes('HH') ? HOUR_MS : 24 * HOUR_MS
}
