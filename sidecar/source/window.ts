import type { SourceDescription } from './description.ts'
import type { PageQuery } from './types.ts'
import { formatInstant, unitOf } from './window-format.ts'

type Bounds = Pick<PageQuery, 'changedSince' | 'changedUntil'>

/**
 * Returns the bounds of a window in the form of the source. The window is [since, until). If the source cannot express it
 * exactly, the bounds are outside of it, by a unit of the format at most.
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
    // The format rounds a bound down to its unit. A source that excludes the bound needs an earlier one.
    const ms = Date.parse(changedSince) - (window.since === 'exclusive' ? unit : 0)
    values.since = formatInstant(ms, format, zone)
  }
  if (changedUntil !== undefined && window.until !== undefined) {
    // Rounded up, even for a source that includes the bound: it may compare a day with the midnight at its start.
    values.until = formatInstant(Date.parse(changedUntil) + unit - 1, format, zone)
  }
  return values
}
