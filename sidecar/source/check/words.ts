import type { Finding, FindingCode } from './findings.ts'

/** The texts of a result in one language. */
export interface Words {
  /** The meaning of each finding, and the remedy. */
  findings: Record<FindingCode, (params: Finding['params']) => string>
  wrong: string
  warning: string
  fine: string
  noPage: string
  pages: (pages: number, rows: number, rowsPerSecond: number) => string
  pageSize: (asked: number | null, received: number, total: number | null) => string
  end: (isReached: boolean) => string
  clock: (seconds: number, isBehind: boolean) => string
  windowNotChecked: string
  window: (window: WindowWords) => string
  accepted: (accepted: number, rows: number) => string
  valid: (str: string, strPresent: number, nik: string, nikPresent: number) => string
  fields: string
  notUsed: string
  filledIn: (share: string) => string
}

export interface WindowWords {
  received: number
  expected: number
  outside: number
  hasSince: boolean | null
  hasUntil: boolean | null
}
