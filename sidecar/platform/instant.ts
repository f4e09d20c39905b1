const pattern = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/

/** The accepted form, for error messages. */
export const instantForm = 'an RFC 3339 instant with its offset from UTC, such as 2026-02-01T00:00:00+07:00'

/**
 * Returns the instant of an RFC 3339 text: day, time, and an offset of hours and minutes, or `Z`. Returns `null` for another
 * form, an instant that does not exist (30 February, a leap second), and years outside 1 to 9999 of UTC.
 *
 * `Date` would read 30 February as 2 March, and other forms in the machine's own time zone.
 */
export function parseInstant(text: string): Date | null {
  const [, day, time, fraction = '', offset] = pattern.exec(text) ?? []
  if (day === undefined || time === undefined || offset === undefined || !isDay(day)) return null
  const limits = [...time.split(':'), ...offset.slice(1).split(':')].map(Number)
  const [hour = 0, minute = 0, second = 0, offsetHours = 0, offsetMinutes = 0] = limits
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return null
  const at = new Date(`${day}T${time}${fraction.slice(0, 4)}${offset.toUpperCase()}`)
  return at.getTime() < first || at.getTime() > last ? null : at
}

const first = Date.parse('0001-01-01T00:00:00Z')
const last = Date.parse('9999-12-31T23:59:59.999Z')

/** Returns whether a text is a calendar day, `YYYY-MM-DD`. */
export function isDay(text: string): boolean {
  if (!/^\d{4}-\d\d-\d\d$/.test(text)) return false
  const at = new Date(`${text}T00:00:00Z`)
  // `Date` turns a day that its month lacks into a day of the next month.
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text)
}
