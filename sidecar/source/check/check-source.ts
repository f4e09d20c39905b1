import { analyseRows, type RowsReport } from './analyse-rows.ts'
import { type AskOptions, askSource } from './ask.ts'
import { evaluate } from './evaluate.ts'
import type { Facts, WindowFacts } from './facts.ts'
import { type Finding, sortFindings } from './findings.ts'
import { maskAnswer } from './mask.ts'

export interface CheckOptions extends AskOptions {
  clockToleranceMs: number
  maxSkewMs: number
}

/** The result of a check of a source. It contains no name and no number of a person, nor a secret. */
export interface CheckResult {
  isFine: boolean
  findings: Finding[]
  source: {
    pages: number
    received: number
    end: Facts['end']
    /** `asked` is `null` if the description names no page size. */
    pageSize: { asked: number | null; received: number }
    total: number | null
    rowsPerSecond: number
    clockAheadSeconds: number
    window: WindowFacts | null
  }
  rows: RowsReport
}

/**
 * Calls the configured source, changes nothing, and reports what matches the description. `page` is the first page,
 * masked.
 */
export async function checkSource(options: CheckOptions): Promise<{ result: CheckResult; page: unknown }> {
  const { description, maxSkewMs } = options
  const facts = await askSource(options)
  const rows = facts.pages.flatMap(page => page.rows)
  const sourceNow = facts.pages[0]?.sourceNow ?? Date.now()
  const report = analyseRows(rows, description, { sourceNow, maxSkewMs })
  const findings = sortFindings(evaluate(facts, report, options))
  const isFine = findings.every(({ level }) => level !== 'wrong')
  const result = { isFine, findings, source: summarize(facts, options), rows: report }
  return { result, page: maskAnswer(facts.firstAnswer, rows, description) ?? null }
}

function summarize({ pages, end, window }: Facts, { description, pageSize }: CheckOptions): CheckResult['source'] {
  const [first] = pages
  const received = pages.reduce((sum, page) => sum + page.received, 0)
  const seconds = pages.reduce((sum, page) => sum + page.seconds, 0)
  return {
    pages: pages.length,
    received,
    end,
    pageSize: { asked: description.limits.pageSize === undefined ? null : pageSize, received: first?.received ?? 0 },
    total: first?.total ?? null,
    rowsPerSecond: Math.round(received / Math.max(seconds, 0.001)),
    clockAheadSeconds: Math.round((first?.aheadMs ?? 0) / 1000),
    window
  }
}
