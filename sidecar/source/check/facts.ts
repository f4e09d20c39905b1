import type { RawAnswer } from '../options.ts'

/** One received page, before the client removes rows outside of a window. */
export interface PageFacts {
  rows: readonly unknown[]
  received: number
  nextCursor: string | null
  total: number | null
  sourceNow: number
  /** How far the source's clock is ahead of ours, in milliseconds. */
  aheadMs: number
  seconds: number
}

/** Why the requests ended early. */
export interface Failure {
  step: 'token' | 'page' | 'window'
  /** Counts from 1. */
  page: number
  error: unknown
  /** The last answer, if one came. */
  answer: RawAnswer | null
}

/** The source's answer to a window between the times of change of two sampled rows. */
export interface WindowFacts {
  /** The numbers of sampled rows inside the window, and of received rows. */
  expected: number
  received: number
  outside: number
  /** By how many hours the window of the source differs, if that explains the rows. */
  shiftedHours: number | null
  /** Whether rows exactly at the bounds came; `null` if that is unknown. */
  hasSince: boolean | null
  hasUntil: boolean | null
  end: 'reached' | 'notReached'
}

/** The answers of the source. */
export interface Facts {
  pages: PageFacts[]
  /** The parsed first answer; `undefined` if none can be parsed. */
  firstAnswer: unknown
  end: 'reached' | 'notReached'
  /** Rows that came a second time. */
  repeatedRows: number
  /** A page that is equal to the one before it, or a cursor that came before. */
  repeats: 'page' | 'cursor' | null
  /** The number from which the source counts pages or rows, if it differs from the description. */
  countsFrom: 0 | 1 | null
  window: WindowFacts | null
  failure: Failure | null
}
