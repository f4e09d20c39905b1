/** A parsed time: a day, the seconds since its midnight, and the offset from UTC. */
export interface Reading {
  year: number
  month: number
  day: number
  seconds: number
  offsetMs: number
}

/** Parses a text of one format, or returns `null`. */
export type FormatReader = (text: string) => Reading | null

/** UTC+7, in milliseconds: the clock of every local time here. */
export const jakartaOffsetMs = 7 * 3_600_000

/** No date in this register is older; zero dates of databases (0000, 0001) are not dates. */
const firstYear = 1900

const instantPattern = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:?\d\d)$/
const tokenPattern = /YYYY|MMMM|MM|DD|D|HH|mm|ss/g
const tokenSources: Record<string, string> = {
  YYYY: '(\\d{4})',
  MMMM: '(\\p{L}+)\\.?',
  MM: '(\\d{2})',
  DD: '(\\d{2})',
  D: '(\\d{1,2})',
  HH: '(\\d{2})',
  mm: '(\\d{2})',
  ss: '(\\d{2})'
}

/** Formats of a number, or of its digits as text: the time since 1970 in UTC. */
export const epochFormats: readonly string[] = ['epochSeconds', 'epochMilliseconds']

/** Returns whether a format has year, month and day, each once. */
export function isDateFormat(format: string): boolean {
  if (format === 'instant' || epochFormats.includes(format)) return true
  const tokens = (format.match(tokenPattern) ?? []).map(token => token.charAt(0))
  return ['Y', 'M', 'D', 'H', 'm', 's'].every(kind => {
    const count = tokens.filter(token => token === kind).length
    return 'YMD'.includes(kind) ? count === 1 : count <= 1
  })
}

/**
 * Returns the parser of one format: `instant` (ISO 8601 with an offset), `epochSeconds`, `epochMilliseconds` (numbers since
 * 1970), or a pattern of `YYYY`, `MM`, `MMMM` (a month's name), `DD`, `D`, `HH`, `mm`, `ss` and separators, in the time of a
 * zone (default: Jakarta).
 *
 * @param monthNames twelve lists of names and short forms, January first; compared without case
 * @param offsetMs offset of the zone from UTC
 */
export function compileFormat(
  format: string,
  monthNames: readonly string[][],
  offsetMs = jakartaOffsetMs
): FormatReader {
  if (format === 'instant') return readInstant
  if (format === 'epochSeconds') return text => readEpoch(text, 1000)
  if (format === 'epochMilliseconds') return text => readEpoch(text, 1)
  if (!/MMMM|(?<!D)D(?!D)/.test(format)) return compileFixedFormat(format, offsetMs)
  const months = new Map(monthNames.flatMap((names, index) => names.map(name => [name.toLowerCase(), index + 1])))
  const pattern = new RegExp(`^${patternSource(format)}$`, 'u')
  const order = (format.match(tokenPattern) ?? []).map(token => (token === 'D' ? 'DD' : token))
  return text => {
    const match = pattern.exec(text)
    if (match === null) return null
    const part = (token: string) => match[order.indexOf(token) + 1] ?? ''
    const month = order.includes('MMMM') ? months.get(part('MMMM').toLowerCase()) : Number(part('MM'))
    if (month === undefined) return null
    const clock = ['HH', 'mm', 'ss'].map(token => (order.includes(token) ? Number(part(token)) : 0))
    return checked(
      Number(part('YYYY')),
      month,
      Number(part('DD')),
      clock[0] ?? 0,
      clock[1] ?? 0,
      clock[2] ?? 0,
      offsetMs
    )
  }
}

/** Most texts have a format of fixed width: reading digits by position is four times as fast as by groups. */
function compileFixedFormat(format: string, offsetMs: number): FormatReader {
  const pattern = new RegExp(`^${patternSource(format).replace(/\((\\d\{\d\})\)/g, '$1')}$`)
  const [year, month, day, hour, minute, second] = ['YYYY', 'MM', 'DD', 'HH', 'mm', 'ss'].map(t => format.indexOf(t))
  const two = (text: string, at = -1) => (at < 0 ? 0 : twoDigits(text, at))
  return text => {
    if (text.length !== format.length || !pattern.test(text)) return null
    return checked(
      fourDigits(text, year ?? 0),
      two(text, month),
      two(text, day),
      two(text, hour),
      two(text, minute),
      two(text, second),
      offsetMs
    )
  }
}

function patternSource(format: string): string {
  let source = ''
  let at = 0
  for (const token of format.matchAll(tokenPattern)) {
    source += RegExp.escape(format.slice(at, token.index)) + tokenSources[token[0]]
    at = token.index + token[0].length
  }
  return source + RegExp.escape(format.slice(at))
}

function readInstant(text: string): Reading | null {
  if (!instantPattern.test(text)) return null
  const offsetMs = offsetOf(text)
  if (offsetMs === null) return null
  const fraction = text.charAt(19) === '.' ? Math.trunc(Number.parseFloat(`0${text.slice(19, 23)}`) * 1000) / 1000 : 0
  const year = fourDigits(text, 0)
  const [hour, minute, second] = [twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17)]
  return checked(year, twoDigits(text, 5), twoDigits(text, 8), hour, minute, second, offsetMs, fraction)
}

/** Parses a number of units since 1970, with or without a fraction. */
function readEpoch(text: string, unitMs: number): Reading | null {
  if (!/^-?\d{1,15}(?:\.\d{1,9})?$/.test(text)) return null
  const date = new Date(Math.floor(Number(text) * unitMs))
  if (Number.isNaN(date.getTime())) return null
  const seconds = date.getUTCSeconds() + date.getUTCMilliseconds() / 1000
  return checked(
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    0,
    0,
    seconds
  )
}

function offsetOf(text: string): number | null {
  const end = text.length
  const last = text.charAt(end - 1)
  if (last === 'Z' || last === 'z') return 0
  const colon = text.charAt(end - 3) === ':' ? 1 : 0
  const minutes = twoDigits(text, end - 2)
  const hours = twoDigits(text, end - 4 - colon)
  if (hours > 18 || minutes > 59) return null
  return (hours * 60 + minutes) * 60_000 * (text.charAt(end - 5 - colon) === '-' ? -1 : 1)
}

function checked(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  offsetMs = jakartaOffsetMs,
  fraction = 0
): Reading | null {
  if (year < firstYear || hour > 23 || minute > 59 || second > 59) return null
  if (month < 1 || month > 12 || day < 1 || day > daysOfMonth(year, month)) return null
  return { year, month, day, seconds: (hour * 60 + minute) * 60 + second + fraction, offsetMs }
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48
}

function fourDigits(text: string, at: number): number {
  return twoDigits(text, at) * 100 + twoDigits(text, at + 2)
}
