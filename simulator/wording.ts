import type { CalendarDate } from './nik.ts'
import { pad } from './nik.ts'
import type { Place } from './places.ts'
import { UJUNG_PANDANG } from './places.ts'
import type { Dice } from './random.ts'

const MONTHS = [
  ...['Januari', 'Februari', 'Maret', 'April', 'Mei', 'Juni', 'Juli'],
  ...['Agustus', 'September', 'Oktober', 'November', 'Desember']
]

/** Returns a date as one record writes it: `YYYY-MM-DD` mostly, else `DD-MM-YYYY` or `31 Desember 2028`. */
export function writtenDate(dice: Dice, { year, month, day }: CalendarDate): string {
  const drawn = dice.below(100)
  if (drawn < 84) return `${year}-${pad(month, 2)}-${pad(day, 2)}`
  if (drawn < 94) return `${pad(day, 2)}-${pad(month, 2)}-${year}`
  return `${day} ${MONTHS[month - 1]} ${year}`
}

/**
 * Returns a birthplace as one record writes it. Makassar has its former name for many people who were born at that time; with
 * `mayMisdate` also for a few others.
 */
export function writtenPlace(dice: Dice, { name, kind }: Place, birthYear: number, mayMisdate: boolean): string {
  const bornUnderOldName = birthYear > UJUNG_PANDANG.from && birthYear < UJUNG_PANDANG.to
  const oldNameShare = bornUnderOldName ? 0.6 : mayMisdate ? 0.05 : 0
  if (name === 'Makassar' && dice.chance(oldNameShare)) return UJUNG_PANDANG.name
  const written = kind !== null && dice.chance(0.35) ? `${kind} ${name}` : name
  return dice.chance(0.5) ? written.toUpperCase() : written
}

export function calendarDateOf(ms: number): CalendarDate {
  const date = new Date(ms)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}
