import type { RawAnswer } from '../options.ts'

/** One page as it came, before the client leaves out rows outside of a window. */
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

/** Why the asking ended early. */
export interface Failure {
  step: 'token' | 'page' | 'window'
  /** Counts from 1. */
  page: number
  error: unknown
  /** The last answer, if one came. */
  answer: RawAnswer | null
}

/** What the source made of a window between the times of change of two sampled rows. */
export interface WindowFacts {
  /** Sampled rows inside the window, and rows that came. */
  expected: number
  received: number
  outside: number
  /** By how many hours the window of the source differs, if that explains the rows. */
  shiftedHours: number | null
  /** Whether rows at the bounds themselves came; `null` where that cannot be told. */
  hasSince: boolean | null
  hasUntil: boolean | null
  end: 'reached' | 'notReached'
}

/** What the source answered. */
export interface Facts {
  pages: PageFacts[]
  /** The parsed first answer; `undefined` where none can be parsed. */
  firstAnswer: unknown
  end: 'reached' | 'notReached'
  /** Rows that came a second time. */
  repeatedRows: number
  /** A page that is equal to the one before it, or a cursor that came before. */
  repeats: 'page' | 'cursor' | null
  /** The number from which the source counts pages or rows, where it is another one than described. */
  countsFrom: 0 | 1 | null
  window: WindowFacts | null
  failure: Failure | null
}
