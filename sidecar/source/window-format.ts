import { type Zone, zoneOffsets } from '../transform/dates.ts'

const tokenPattern = /YYYY|MM|DD|HH|mm|ss/g
/** The tokens of a pattern besides year, month and day, and its smallest unit. */
const units: Record<string, number> = { '': 86_400_000, HH: 3_600_000, HHmm: 60_000, HHmmss: 1000 }

/** Returns whether a format can represent the bound of a window. */
export function isWindowFormat(format: string): boolean {
  if (format === 'instant' || format === 'epochSeconds' || format === 'epochMilliseconds') return true
  return timesOf(format) in units && ['YYYY', 'MM', 'DD'].every(token => format.split(token).length === 2)
}

/** Returns the resolution of a format, in milliseconds. */
export function unitOf(format: string): number {
  if (format === 'epochSeconds') return 1000
  return format.includes('YYYY') ? (units[timesOf(format)] ?? 1) : 1
}

/** Returns an instant in the format; `zone` is that of a pattern. */
export function formatInstant(ms: number, format: string, zone: Zone = 'UTC'): string {
  if (format === 'epochSeconds') return String(Math.floor(ms / 1000))
  if (format === 'epochMilliseconds') return String(ms)
  if (format === 'instant') return new Date(ms).toISOString()
  const local = new Date(ms + zoneOffsets[zone] * 3_600_000).toISOString()
  const parts: Record<string, string> = {
    YYYY: local.slice(0, 4),
    MM: local.slice(5, 7),
    DD: local.slice(8, 10),
    HH: local.slice(11, 13),
    mm: local.slice(14, 16),
    ss: local.slice(17, 19)
  }
  return format.replace(tokenPattern, token => parts[token] ?? token)
}

/** The tokens of a time of day, in the order of their size; no unit has the same token twice. */
function timesOf(format: string): string {
  const tokens = format.match(tokenPattern) ?? []
  return ['HH', 'mm', 'ss'].flatMap(name => tokens.filter(token => token === name)).join('')
}
