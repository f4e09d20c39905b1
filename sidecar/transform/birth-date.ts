/** No practising person is older. */
const maxAgeYears = 110

/** Returns why a day is impossible as a birth date on the day `today`, both `YYYY-MM-DD`; null if it is possible. */
export function birthDateFault(day: string, today: string): 'future' | 'tooOld' | null {
  if (day > today) return 'future'
  const oldest = `${Number(today.slice(0, 4)) - maxAgeYears}${today.slice(4)}`
  return day < oldest ? 'tooOld' : null
}
