import { CronExpressionParser } from 'cron-parser'

/** Returns the last scheduled time at or before `now`. */
export function lastSlot(schedule: string, timeZone: string, now: Date): Date {
  // The parser looks strictly before its date; a run is due in its own minute.
  const justAfter = new Date(now.getTime() + 1)
  return CronExpressionParser.parse(schedule, { tz: timeZone, currentDate: justAfter }).prev().toDate()
}

/** Returns the first scheduled time after `now`. */
export function nextSlot(schedule: string, timeZone: string, now: Date): Date {
  return CronExpressionParser.parse(schedule, { tz: timeZone, currentDate: now }).next().toDate()
}

/** True where `schedule` is a cron expression. */
export function isSchedule(schedule: string): boolean {
  try {
    CronExpressionParser.parse(schedule)
    return true
  } catch {
    return false
  }
}
