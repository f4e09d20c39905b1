import { CronExpressionParser } from 'cron-parser'
import type { Language } from '../platform/problem-texts.ts'

const locales: Record<Language, string> = { en: 'en-GB', id: 'id-ID' }
/** More times of day than these are not listed one by one. */
const mostTimes = 4
const ordinals = ['first', 'second', 'third', 'fourth', 'fifth']

interface Words {
  everyDay: string
  everyMinute: string
  minutes(step: number): string
  hours(step: number, minute: string): string
  everyHour: string
  hourly(minute: string): string
  between(words: string, from: string, until: string): string
  at(times: string): string
  timesADay(count: number, first: string, last: string): string
  weekdays(names: string): string
  range(from: string, until: string): string
  /** null: the last one. */
  nth(name: string, nth: number | null): string
  monthDays(days: string): string
  onLastDay: string
  or: string
  months(names: string): string
}

const words: Record<Language, Words> = {
  en: {
    everyDay: 'every day',
    everyMinute: 'every minute',
    minutes: step => `every ${step} minutes`,
    hours: (step, minute) => `every ${step} hours from 00:${minute}`,
    everyHour: 'every hour',
    hourly: minute => `every hour at minute ${minute}`,
    between: (text, from, until) => `${text} from ${from} to ${until}`,
    at: times => `at ${times}`,
    timesADay: (count, first, last) => `${count} times a day, first at ${first} and last at ${last}`,
    weekdays: names => `on ${names}`,
    range: (from, until) => `from ${from} to ${until}`,
    nth: (name, nth) => `on the ${nth === null ? 'last' : ordinals[nth - 1]} ${name} of the month`,
    monthDays: days => `on day ${days} of the month`,
    onLastDay: 'on the last day of the month',
    or: 'and also',
    months: names => `in ${names}`
  },
  id: {
    everyDay: 'setiap hari',
    everyMinute: 'setiap menit',
    minutes: step => `setiap ${step} menit`,
    hours: (step, minute) => `setiap ${step} jam mulai pukul 00.${minute}`,
    everyHour: 'setiap jam',
    hourly: minute => `setiap jam pada menit ke-${minute}`,
    between: (text, from, until) => `${text} dari pukul ${from} sampai pukul ${until}`,
    at: times => `pukul ${times}`,
    timesADay: (count, first, last) => `${count} kali sehari, pertama pukul ${first} dan terakhir pukul ${last}`,
    weekdays: names => `setiap hari ${names}`,
    range: (from, until) => `pada hari ${from} sampai ${until}`,
    nth: (name, nth) => `pada hari ${name} ${nth === null ? 'terakhir' : `ke-${nth}`} setiap bulan`,
    monthDays: days => `setiap tanggal ${days}`,
    onLastDay: 'pada tanggal terakhir setiap bulan',
    or: 'dan juga',
    months: names => `pada bulan ${names}`
  }
}

/** Returns when a valid schedule runs, as a sentence without its full stop: “Every day at 02:00”. */
export function scheduleInWords(schedule: string, language: Language): string {
  const { fields } = CronExpressionParser.parse(schedule)
  const say = words[language]
  const time = timeInWords(numbers(fields.hour.values), numbers(fields.minute.values), language)
  const dates = fields.dayOfMonth.isWildcard ? [] : fields.dayOfMonth.values
  const days = fields.dayOfWeek.isWildcard ? [] : fields.dayOfWeek.values
  const onDates = dates.filter(day => day !== 'L').map(String)
  const parts = [
    ...(onDates.length > 0 ? [say.monthDays(list(onDates, language))] : []),
    ...(onDates.length < dates.length ? [say.onLastDay] : []),
    ...(days.length > 0 ? [weekdaysInWords(days, fields.dayOfWeek.nthDay ?? 0, language)] : [])
  ]
  // Cron runs on both where both are restricted.
  const day = parts.length > 0 ? parts.join(` ${say.or} `) : say.everyDay
  const isOften = time.isOften && parts.length === 0
  const months = fields.month.isWildcard
    ? ''
    : `, ${say.months(list(fields.month.values.map(month(language)), language))}`
  const text = isOften ? time.text : `${day} ${time.text}`
  return capitalize(`${text}${months}`)
}

function timeInWords(hours: number[], minutes: number[], language: Language): { text: string; isOften: boolean } {
  const say = words[language]
  const separator = language === 'id' ? '.' : ':'
  const clock = (hour: number | undefined, minute: number | undefined) => `${two(hour)}${separator}${two(minute)}`
  const isAllDay = hours.length === 24
  const [firstHour, lastHour] = [hours[0], hours.at(-1)]
  const step = stepOf(minutes, 60)
  if (step !== null) {
    const text = step === 1 ? say.everyMinute : say.minutes(step)
    if (isAllDay) return { text, isOften: true }
    if (isUnbroken(hours)) {
      return { text: say.between(text, clock(firstHour, 0), clock(lastHour, minutes.at(-1))), isOften: false }
    }
  }
  if (minutes.length === 1) {
    if (isAllDay) return { text: say.hourly(two(minutes[0])), isOften: true }
    const every = stepOf(hours, 24)
    if (hours.length > mostTimes && every !== null) {
      return { text: say.hours(every, two(minutes[0])), isOften: true }
    }
    if (hours.length > mostTimes && isUnbroken(hours)) {
      const between = say.between(say.everyHour, clock(firstHour, minutes[0]), clock(lastHour, minutes[0]))
      return { text: between, isOften: false }
    }
  }
  const times = hours.flatMap(hour => minutes.map(minute => clock(hour, minute)))
  if (times.length <= mostTimes) return { text: say.at(list(times, language)), isOften: false }
  return { text: say.timesADay(times.length, times[0] as string, times.at(-1) as string), isOften: false }
}

function weekdaysInWords(values: readonly (number | string)[], nth: number, language: Language): string {
  // Sunday is 0 and 7; an L behind a day is its last one of the month.
  const days = [...new Set(values.map(value => Number.parseInt(String(value), 10) % 7))].sort(
    (a, b) => ((a + 6) % 7) - ((b + 6) % 7)
  )
  const names = days.map(day => formatted({ weekday: 'long' }, Date.UTC(2024, 0, 7 + day), language))
  const isLast = values.some(value => String(value).endsWith('L'))
  const say = words[language]
  if (nth > 0 || isLast) return say.nth(list(names, language), isLast ? null : nth)
  const isRange = days.length > 2 && isUnbroken(days.map(day => (day + 6) % 7))
  return isRange ? say.range(names[0] as string, names.at(-1) as string) : say.weekdays(list(names, language))
}

/** Returns the step of values that repeat evenly over the whole range from 0; null for other values. */
function stepOf(values: readonly number[], range: number): number | null {
  const step = range / values.length
  return values.length > 1 && Number.isInteger(step) && values.every((value, at) => value === at * step) ? step : null
}

function isUnbroken(values: readonly number[]): boolean {
  return values.length > 1 && values.every((value, at) => at === 0 || value === (values[at - 1] as number) + 1)
}

function month(language: Language): (number: number | string) => string {
  return number => formatted({ month: 'long' }, Date.UTC(2024, Number(number) - 1, 1), language)
}

function formatted(options: Intl.DateTimeFormatOptions, date: number, language: Language): string {
  return new Intl.DateTimeFormat(locales[language], { ...options, timeZone: 'UTC' }).format(date)
}

function list(items: readonly string[], language: Language): string {
  return new Intl.ListFormat(locales[language]).format(items)
}

function numbers(values: readonly (number | string)[]): number[] {
  return values.map(Number)
}

function two(number = 0): string {
  return String(number).padStart(2, '0')
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
