import type { SourceDescription } from './description.ts'
import type { PageQuery } from './types.ts'
import { formatInstant, unitOf } from './window-format.ts'

type Bounds = Pick<PageQuery, 'changedSince' | 'changedUntil'>

/**
 * Formats the bounds of a window for the source. `changedSince` belongs to the window, and `changedUntil` does not. If the
 * source cannot express these bounds exactly, the result is wider, by at most one unit of the format at each end.
 */
export function windowValues(
  { request: { window } }: SourceDescription,
  { changedSince, changedUntil }: Bounds
): { since?: string; until?: string } {
  if (window === undefined) return {}
  const { format, zone } = window
  const unit = unitOf(format)
  const values: { since?: string; until?: string } = {}
  if (changedSince !== undefined && window.since !== undefined) {
    // The format rounds down to its unit. A source that excludes its lower bound needs a bound that is one unit earlier.
    const ms = Date.parse(changedSince) - (window.since === 'exclusive' ? unit : 0)
    values.since = formatInstant(ms, format, zone)
  }
  if (changedUntil !== undefined && window.until !== undefined) {
    // Rounded up, even for a source that includes its upper bound. It may compare a day as the midnight at its start, and
    // would then leave out the rows of that day.
    values.until = formatInstant(Date.parse(changedUntil) + unit - 1, format, zone)
  }
  return values
}
