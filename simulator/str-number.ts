import { pad } from './nik.ts'
import type { Permutation } from './permutation.ts'
import { Dice, mix } from './random.ts'

const SALT = 31
/** Records that one feed can hold; the rest of the 28 bits counts how often a record was given a new number. */
export const MAX_ROWS = 2 ** 24
export const MAX_RENEWALS = 15
/** Numbers that STRs, and NIKs, are shuffled within. */
export const NUMBER_SPACE = 2 ** 28

export type StrShape = 'lifetime' | 'kki_2004' | 'unknown'

const LETTERS = ['EQ', 'FA', 'KB', 'MD'] as const
const PROVINCES = ['11', '12', '31', '32', '33', '34', '35', '51', '61', '73'] as const

/** Returns the number that the STR of a record encodes; `renewals` says how often it was replaced by a new one. */
export function strIdentity(leader: number, renewals: number): number {
  return leader + renewals * MAX_ROWS
}

/** Returns the canonical STR (upper case, letters and digits) of an identity; unique, and it can be read back. */
export function canonicalStr(numbers: Permutation, identity: number, shape: StrShape): string {
  const number = numbers.apply(identity)
  const drawn = mix(number)
  switch (shape) {
    case 'lifetime':
      return (LETTERS[drawn % LETTERS.length] ?? LETTERS[0]) + pad(number, 14)
    case 'kki_2004': {
      const digits = pad(number, 9)
      const start = `${PROVINCES[drawn % PROVINCES.length]}${1 + ((drawn >>> 8) % 2)}1`
      return `${start}${digits.slice(0, 3)}${1 + ((drawn >>> 12) % 3)}${pad(14 + ((drawn >>> 16) % 9), 2)}${digits.slice(3)}`
    }
    case 'unknown': {
      const digits = pad(number, 9)
      return `${PROVINCES[drawn % PROVINCES.length]}${digits.slice(0, 2)}52${pad(14 + ((drawn >>> 16) % 9), 2)}${digits.slice(2)}`
    }
  }
}

/** Returns the leading record that may carry a canonical STR, or -1. The caller compares what that record says. */
export function leaderOfStr(numbers: Permutation, canonical: string): number {
  const number = Number(digitsOf(canonical))
  if (!Number.isInteger(number) || number >= NUMBER_SPACE) return -1
  return numbers.invert(number) % MAX_ROWS
}

/** Returns letters and digits in upper case, a leading literal `STR` dropped. */
export function canonicalForm(text: string): string {
  return text
    .toUpperCase()
    .replace(/[^A-Z0-9]/g, '')
    .replace(/^STR/, '')
}

/** Returns the STR as one record writes it: with dots, blanks or dashes, a prefix, or in lower case for some. */
export function writtenStr(seed: number, index: number, canonical: string, shape: StrShape): string {
  const dice = new Dice(seed, SALT, index)
  if (shape === 'lifetime') {
    if (dice.chance(0.85)) return canonical
    const spaced = `${canonical.slice(0, 2)}${dice.pick([' ', '-'])}${canonical.slice(2)}`
    return dice.chance(0.3) ? spaced.toLowerCase() : spaced
  }
  if (shape === 'unknown') return `${canonical.slice(0, 8)}-${canonical.slice(8)}`
  const prefix = dice.chance(0.15) ? dice.pick(['STR-', 'STR.', 'STR ']) : ''
  if (dice.chance(0.4)) return prefix + canonical
  const parts = [2, 3, 4, 7, 8, 10].map((end, place, ends) => canonical.slice(ends[place - 1] ?? 0, end))
  return prefix + [...parts, canonical.slice(10)].join(dice.pick(['.', '.', '.', ' ', '-']))
}

function digitsOf(canonical: string): string {
  if (/^[A-Z]{2}\d{14}$/.test(canonical)) return canonical.slice(2)
  if (/^\d{16}$/.test(canonical)) return canonical.slice(4, 7) + canonical.slice(10)
  if (/^\d{15}$/.test(canonical)) return canonical.slice(2, 4) + canonical.slice(8)
  return 'none'
}
