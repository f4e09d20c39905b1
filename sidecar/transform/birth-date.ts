/** Nobody who still practises is older. */
const maxAgeYears = 110

/** Returns what makes a day impossible as a date of birth on the day `today`, both `YYYY-MM-DD`; null where nothing does. */
export function birthDateFault(day: string, today: string): 'future' | 'tooOld' | null {
  if (day > today) return 'future'
  const oldest = `${Number(today.slice(0, 4)) - maxAgeYears}${today.slice(4)}`
  return day < oldest ? 'tooOld' : null
}
