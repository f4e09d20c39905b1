import { CronExpressionParser } from 'cron-parser'

/** Returns the last scheduled time at or before `now`. */
export function lastSlot(schedule: string, timeZone: string, now: Date): Date {
  // The parser returns only times before its date; a run is due in its own minute.
  const justAfter = new Date(now.getTime() + 1)
  return CronExpressionParser.parse(schedule, { tz: timeZone, currentDate: justAfter }).prev().toDate()
}

/** Returns the first scheduled time after `now`. */
export function nextSlot(schedule: string, timeZone: string, now: Date): Date {
  return CronExpressionParser.parse(schedule, { tz: timeZone, currentDate: now }).next().toDate()
}

/**
 * True if `schedule` is a cron expression of five fields or a name such as `@daily`, and has a past and a future time.
 */
export function isSchedule(schedule: string): boolean {
  // The parser fills up missing fields from the left, so that "5" would be every minute of each Friday, and takes a sixth
  // one for seconds. The name has them too.
  const fields = schedule.trim().split(/\s+/)
  const isName = /^@[a-z]+$/.test(schedule) && schedule !== '@secondly'
  if (fields.length !== 5 && !isName) return false
  // Jenkins' H gives another time at every call.
  if (fields.some(field => /(?:^|,)H/.test(field))) return false
  try {
    const now = new Date()
    lastSlot(schedule, 'UTC', now)
    nextSlot(schedule, 'UTC', now)
    return true
  } catch {
    return false
  }
}
