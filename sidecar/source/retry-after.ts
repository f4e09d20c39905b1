import { parseHttpDate } from './http-date.ts'

/** No outage is planned for longer: a greater value is an error, and would delay a batch for ever. */
const longestMs = 86_400_000

/**
 * Returns the pause of a `Retry-After` value in milliseconds, a day at most, or `null` if it cannot be read.
 *
 * An HTTP date counts from `serverNow`, the response's own `Date`, so that a wrong clock on either side does no harm;
 * one in the past means 0.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function parseRetryAfter(value: string | null, serverNow: number): number | null {
  if (value === null) return null
  const text = value.trim()
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, longestMs)
  const at = parseHttpDate(text)
  return at === null ? null : Math.min(Math.max(0, at - serverNow), longestMs)
}
