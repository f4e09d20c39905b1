import { findFormatFault } from '../../transform/check-tables.ts'
import { compileFormat, epochFormats } from '../../transform/date-format.ts'

/** Patterns that APIs and spreadsheets write. If both orders can read a text, the day comes before the month. */
const patterns = [
  'YYYY-MM-DD',
  'DD-MM-YYYY',
  'DD/MM/YYYY',
  'DD.MM.YYYY',
  'D MMMM YYYY',
  'D-MMMM-YYYY',
  'YYYY/MM/DD',
  'YYYYMMDD',
  'YYYY-MM-DD HH:mm:ss',
  'YYYY-MM-DDTHH:mm:ss',
  'YYYY-MM-DD HH:mm',
  'DD-MM-YYYY HH:mm:ss',
  'DD/MM/YYYY HH:mm:ss',
  'DD/MM/YYYY HH:mm',
  'D MMMM YYYY HH:mm:ss',
  'D MMMM YYYY HH:mm',
  'MM/DD/YYYY',
  'MM-DD-YYYY',
  'MM/DD/YYYY HH:mm:ss',
  'MM-DD-YYYY HH:mm:ss'
]

/** A smaller number is probably not a time in seconds or milliseconds since 1970. */
const firstEpochYear = 1990
/** A day in the far future means "no end". */
const lastYear = 2100
const mostFormats = 3

type Test = (value: unknown) => boolean

/** The formats that read values of one date field, and how many of the values they read. */
export interface SuggestedFormats {
  formats: string[]
  read: number
}

/**
 * Returns the fewest known formats that read the most values; `null` if they read none. Patterns with a two-digit year are
 * not supported.
 */
export function suggestFormats(values: readonly unknown[], monthNames: readonly string[][]): SuggestedFormats | null {
  const candidates = ['instant', ...patterns, ...epochFormats].map(format => ({
    format,
    reads: readerOf(format, monthNames)
  }))
  const formats: string[] = []
  let unread = [...values]
  while (formats.length < mostFormats && unread.length > 0) {
    const best = bestOf(candidates, unread, formats)
    if (best === null) break
    formats.push(best.format)
    unread = unread.filter(value => !best.reads(value))
  }
  return formats.length === 0 ? null : { formats, read: values.length - unread.length }
}

function bestOf(candidates: readonly { format: string; reads: Test }[], values: readonly unknown[], chosen: string[]) {
  let best: { format: string; reads: Test } | null = null
  let most = 0
  for (const candidate of candidates) {
    const count = values.filter(candidate.reads).length
    if (count <= most || findFormatFault([...chosen, candidate.format]) !== null) continue
    best = candidate
    most = count
  }
  return best
}

function readerOf(format: string, monthNames: readonly string[][]): Test {
  const read = compileFormat(format, monthNames)
  const firstYear = epochFormats.includes(format) ? firstEpochYear : 0
  return value => {
    if (typeof value === 'number' ? firstYear === 0 : typeof value !== 'string') return false
    const reading = read(String(value).trim())
    return reading !== null && reading.year >= firstYear && (reading.year <= lastYear || reading.year === 9999)
  }
}
