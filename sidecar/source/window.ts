import type { SourceDescription } from './description.ts'
import type { PageQuery } from './types.ts'
import { formatInstant, unitOf } from './window-format.ts'

type Bounds = Pick<PageQuery, 'changedSince' | 'changedUntil'>

/**
 * Returns the bounds of a window as the source takes them. The window is [since, until). Where the source cannot say that
 * exactly, the bounds lie outside it, by a unit of the format at most.
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
    // A written bound is rounded down to its unit. A source that leaves the bound out needs an earlier one.
    const ms = Date.parse(changedSince) - (window.since === 'exclusive' ? unit : 0)
    values.since = formatInstant(ms, format, zone)
  }
  if (changedUntil !== undefined && window.until !== undefined) {
    // Rounded up, also for a source that includes the bound: it may compare a day with the midnight that it begins with.
    values.until = formatInstant(Date.parse(changedUntil) + unit - 1, format, zone)
  }
  return values
}
