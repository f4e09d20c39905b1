import { compileInstantReader } from '../../transform/dates.ts'
import { compileSource } from '../../transform/field-source.ts'
import type { SourceDescription } from '../description.ts'
import type { PageQuery } from '../types.ts'
import { unitOf } from '../window-format.ts'
import type { PageFacts, WindowFacts } from './facts.ts'

/** Differences in hours if a zone of Indonesia was applied twice, left out, or confused with another one. */
const shifts = [7, -7, 8, -8, 9, -9, 1, -1, 2, -2]
const hourMs = 3_600_000
const mostPages = 5

type Ask = (query: Omit<PageQuery, 'limit'>) => Promise<PageFacts>

/** Requests a window with sampled rows; `null` if the description has no window, or the sample is too small. */
export async function probeWindow(
  description: SourceDescription,
  sample: readonly unknown[],
  pageSize: number,
  ask: Ask
): Promise<WindowFacts | null> {
  const { window } = description.request
  if (window?.since === undefined) return null
  const timeOf = compileTime(description)
  const times = sample.map(timeOf).filter(ms => ms !== null)
  const distinct = [...new Set(times)].sort((a, b) => a - b)
  if (distinct.length < 3) return null
  const first = Math.floor(distinct.length / 3)
  const last = Math.max(first + 1, Math.min(Math.floor((2 * distinct.length) / 3), first + Math.ceil(pageSize / 4)))
  const since = distinct[first] as number
  // If the source takes no end, the window has none.
  const until = window.until === undefined ? Number.POSITIVE_INFINITY : (distinct[last] as number)

  const { rows, end } = await walk(ask, since, until)
  const came = rows.map(timeOf).filter(ms => ms !== null)
  const unit = unitOf(window.format)
  const isInside = (ms: number, shiftMs = 0) => ms >= since - 2 * unit + shiftMs && ms <= until + 2 * unit + shiftMs
  const hasBound = (ms: number) => {
    if (ms % unit !== 0) return null
    return came.includes(ms) || (end === 'reached' ? false : null)
  }
  const outside = came.filter(ms => !isInside(ms)).length
  const facts: WindowFacts = {
    expected: times.filter(ms => ms >= since && ms < until).length,
    received: rows.length,
    outside,
    shiftedHours: null,
    hasSince: hasBound(since),
    hasUntil: hasBound(until),
    end
  }
  if (outside > 0) {
    facts.shiftedHours = shifts.find(hours => came.every(ms => isInside(ms, hours * hourMs))) ?? null
  } else if (rows.length === 0) {
    facts.shiftedHours = await findShift(ask, since, until, unit, timeOf)
  }
  return facts
}

async function walk(ask: Ask, since: number, until: number) {
  const rows: unknown[] = []
  let cursor: string | null = null
  for (let page = 1; page <= mostPages; page++) {
    const answer: PageFacts = await ask({
      changedSince: new Date(since).toISOString(),
      ...(until < Number.POSITIVE_INFINITY && { changedUntil: new Date(until).toISOString() }),
      ...(cursor !== null && { cursor })
    })
    rows.push(...answer.rows)
    if (answer.nextCursor === null) return { rows, end: 'reached' as const }
    if (answer.nextCursor === cursor) break
    cursor = answer.nextCursor
  }
  return { rows, end: 'notReached' as const }
}

/** Requests shifted windows; the shift that returns the rows of the original window is the source's error. */
async function findShift(
  ask: Ask,
  since: number,
  until: number,
  unit: number,
  timeOf: (row: unknown) => number | null
): Promise<number | null> {
  for (const hours of shifts) {
    const { rows } = await walk(ask, since - hours * hourMs, until - hours * hourMs)
    const isInside = (ms: number | null) => ms !== null && ms >= since - 2 * unit && ms <= until + 2 * unit
    if (rows.length > 0 && rows.map(timeOf).every(isInside)) return hours
  }
  return null
}

/** Returns a function that reads the time of change of a row. */
export function compileTime({ fields, dates, tables }: SourceDescription): (row: unknown) => number | null {
  if (fields.changedAt === undefined) return () => null
  const valueAt = compileSource(fields.changedAt)
  const read = compileInstantReader(dates.formats.changedAt ?? [], tables.monthNames, dates.zone)
  return row => {
    const value = valueAt(row)
    return typeof value === 'string' || typeof value === 'number' ? read(String(value).trim()) : null
  }
}
