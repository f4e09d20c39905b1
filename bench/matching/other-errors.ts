/**
 * Errors in birth dates, birthplaces and NIKs: the erroneous value, or nothing if the error is not possible for the
 * person.
 */
import type { Chance } from './chance.ts'
import { dateOf, type Person, two } from './people.ts'
import { places } from './places.ts'

export type FieldError = (person: Person, chance: Chance) => string | null | undefined

export const dayAndMonthSwapped: FieldError = ({ year, month, day }) =>
  day > 12 || day === month ? undefined : dateOf({ year, month: day, day: month })

export const oneDateDigit: FieldError = (person, chance) =>
  drawDate(person, () => {
    const digits = [...`${two(person.day)}${two(person.month)}${two(person.year % 100)}`]
    const at = chance.below(6)
    digits[at] = String(chance.below(10))
    return fromDigits(digits.join(''), person.year)
  })

export const firstOfJanuary: FieldError = ({ year, month, day }) =>
  month === 1 && day === 1 ? undefined : `${year}-01-01`

export const anotherYear: FieldError = ({ year, month, day }, chance) =>
  dateOf({ year: year + chance.pick([-10, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 10]), month, day })

export const dateMissing: FieldError = (_, chance) => (chance.is(0.8) ? null : chance.pick(['', '0000-00-00', '-']))

/** Two exchanged adjacent digits: `12` for `21`, 1987 for 1978. */
export const dateDigitsTransposed: FieldError = (person, chance) =>
  drawDate(person, () => {
    const digits = [...`${two(person.day)}${two(person.month)}${two(person.year % 100)}`]
    const at = chance.pick([0, 2, 4])
    ;[digits[at], digits[at + 1]] = [digits[at + 1] as string, digits[at] as string]
    return fromDigits(digits.join(''), person.year)
  })

function drawDate(person: Person, draw: () => string | undefined): string | undefined {
  const right = dateOf(person)
  for (let tries = 0; tries < 20; tries++) {
    const drawn = draw()
    if (drawn !== undefined && drawn !== right) return drawn
  }
  return undefined
}

function fromDigits(digits: string, near: number): string | undefined {
  const [day, month, end] = [digits.slice(0, 2), digits.slice(2, 4), digits.slice(4)].map(Number) as [
    number,
    number,
    number
  ]
  const year = near < 2000 ? 1900 + end : 2000 + (end % 10)
  const isDate = month >= 1 && month <= 12 && day >= 1 && day <= 28 && year >= 1935 && year <= 2006
  return isDate ? dateOf({ year, month, day }) : undefined
}

export const placeSpelling: FieldError = ({ place }, chance) =>
  place.spellings.length === 0 ? undefined : chance.pick(place.spellings)

export const kindOfPlace: FieldError = ({ place: { name, kind, province } }, chance) =>
  kind === 'Kota'
    ? chance.pick([
        `Kota ${name}`,
        `KOTA ${name.toUpperCase()}`,
        `Kodya ${name}`,
        `Kotamadya ${name}`,
        `${name} (Kota)`,
        `Kodia ${name}`,
        `Kota Adm. ${name}`,
        `${name}, ${province}`,
        `${name} - ${province}`,
        `Kab. ${name}`
      ])
    : chance.pick([
        `Kab. ${name}`,
        `Kabupaten ${name}`,
        `Kab ${name}`,
        `${name}, ${province}`,
        `${name} (Kab)`,
        `KAB. ${name}`
      ])

export const district: FieldError = ({ place }, chance) => chance.pick(place.districts)

export const otherPlaceName: FieldError = ({ place }, chance) =>
  place.otherNames.length === 0 ? undefined : chance.pick(place.otherNames)

export const placeMissing: FieldError = (_, chance) => (chance.is(0.8) ? null : chance.pick(['', '-']))

export const anotherPlace: FieldError = ({ place }, chance) => {
  const other = chance.pickCommon(places)
  return other === place ? undefined : other.name
}

export const oneNikDigit: FieldError = ({ nik }, chance) => {
  const at = chance.below(16)
  return nik.slice(0, at) + String((Number(nik[at]) + 1 + chance.below(9)) % 10) + nik.slice(at + 1)
}

export const nikDigitsSwapped: FieldError = ({ nik }, chance) => {
  const at = chance.below(15)
  const [one, other] = [nik[at] as string, nik[at + 1] as string]
  return one === other ? undefined : nik.slice(0, at) + other + one + nik.slice(at + 2)
}

/** The area where the person lives now, instead of that of the first registration. */
export const nikAfterMoving: FieldError = ({ nik }, chance) => {
  const { region } = chance.pickCommon(places)
  return nik.startsWith(region) ? undefined : region + two(1 + chance.below(12)) + nik.slice(6)
}

export const nikSerial: FieldError = ({ nik }, chance) => {
  const serial = String(1 + chance.below(20)).padStart(4, '0')
  return nik.endsWith(serial) ? undefined : nik.slice(0, 12) + serial
}
