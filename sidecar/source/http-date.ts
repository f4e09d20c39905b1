const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const shortWeekday = `(?<weekday>${weekdays.map(name => name.slice(0, 3)).join('|')})`
const month = `(?<month>${months.join('|')})`
const time = '(?<hour>[01]\\d|2[0-3]):(?<minute>[0-5]\\d):(?<second>[0-5]\\d|60)'

/** IMF-fixdate, the form of RFC 850, and that of asctime. */
const forms = [
  new RegExp(`^${shortWeekday}, (?<day>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  new RegExp(`^(?<weekday>${weekdays.join('|')}), (?<day>\\d\\d)-${month}-(?<year>\\d\\d) ${time} GMT$`),
  new RegExp(`^${shortWeekday} ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`)
]

/**
 * Returns an HTTP date in milliseconds since the epoch, or `null` if the text is not one.
 *
 * Every form means UTC. `Date.parse` reads the asctime form in the machine's time zone and accepts other invalid texts. A
 * two-digit year that would be more than 50 years after `now` belongs to the previous century.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-5.6.7
 */
export function parseHttpDate(value: string | null, now = Date.now()): number | null {
  const text = value?.trim() ?? ''
  for (const form of forms) {
    const parts = form.exec(text)?.groups
    if (parts) return toTime(parts, now)
  }
  return null
}

function toTime(parts: Record<string, string>, now: number): number | null {
  const { weekday = '', month = '', year = '' } = parts
  const [day, hour, minute, second] = ['day', 'hour', 'minute', 'second'].map(part => Number(parts[part])) as number[]
  const date = new Date(0)
  date.setUTCFullYear(year.length === 2 ? nearestYear(Number(year), now) : Number(year), months.indexOf(month), day)
  // The 31st of a short month would become a day of the next month, which the weekday may not reveal.
  if (date.getUTCDate() !== day || !weekdays[date.getUTCDay()]?.startsWith(weekday)) return null
  // A leap second becomes the first second of the next minute.
  return date.setUTCHours(hour as number, minute, second)
}

function nearestYear(year: number, now: number): number {
  const present = new Date(now).getUTCFullYear()
  const inThisCentury = present - (present % 100) + year
  return inThisCentury > present + 50 ? inThisCentury - 100 : inThisCentury
}
