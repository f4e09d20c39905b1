import { nikRegions } from './places.ts'
import type { Dice } from './random.ts'

const FIRST_BIRTH = Date.UTC(1950, 0, 1)
const DAY_MS = 86_400_000
/** 1950 to 1992: the youngest are of age for a registration in 2014, when the feed begins. */
const BIRTH_DAYS = Math.round((Date.UTC(1993, 0, 1) - FIRST_BIRTH) / DAY_MS)
const SERIALS = 9999

/** A birth date in the calendar; months and days count from 1. */
export interface CalendarDate {
  year: number
  month: number
  day: number
}

/** The parts of a NIK that a person's number (below 2^28) determines: no two numbers share all three. */
export interface NikSource {
  /** 0 or 1: which list the region comes from. */
  half: 0 | 1
  birth: CalendarDate
  /** Below 9999. */
  serial: number
}

/** Returns birth date, serial and half for a person's number. */
export function nikSourceOf(number: number): NikSource {
  const rest = Math.floor(number / SERIALS)
  const birth = new Date(FIRST_BIRTH + (rest % BIRTH_DAYS) * DAY_MS)
  return {
    half: rest < BIRTH_DAYS ? 0 : 1,
    birth: { year: birth.getUTCFullYear(), month: birth.getUTCMonth() + 1, day: birth.getUTCDate() },
    serial: number % SERIALS
  }
}

/** Returns sixteen digits; women's day is raised by 40. Unique as long as the person's number is. */
export function nikOf({ half, birth, serial }: NikSource, isWoman: boolean, dice: Dice): string {
  const district = pad(1 + dice.below(9), 2)
  const day = pad(birth.day + (isWoman ? 40 : 0), 2)
  return dice.pick(nikRegions[half]) + district + day + pad(birth.month, 2) + pad(birth.year % 100, 2) + pad(serial, 4)
}

export function pad(value: number, digits: number): string {
  return String(value).padStart(digits, '0')
}
