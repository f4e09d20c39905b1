import type { CheckResult } from './check-source.ts'
import type { Finding } from './findings.ts'
import type { Words } from './words.ts'

/** Returns a finding as one line. */
export function tellFinding({ level, at, code, params }: Finding, words: Words): string {
  return `${words[level]}: ${at === '' ? '' : `${at}: `}${words.findings[code](params)}`
}

/** Returns the findings of a check as lines, the most likely cause first. */
export function tellFindings({ findings, isFine }: CheckResult, words: Words): string[] {
  return [...(isFine ? [words.fine] : []), ...findings.map(finding => tellFinding(finding, words))]
}

/** Returns the result of a check as lines: faults first. */
export function tellResult(result: CheckResult, words: Words): string[] {
  const rows = result.rows.rows === 0 ? [] : ['', ...tellRows(result, words)]
  return [...tellFindings(result, words), '', ...tellSource(result, words), ...rows]
}

function tellSource({ source }: CheckResult, words: Words): string[] {
  if (source.pages === 0) return [words.noPage]
  return [
    words.pages(source.pages, source.received, source.rowsPerSecond),
    words.pageSize(source.pageSize.asked, source.pageSize.received, source.total),
    words.end(source.end === 'reached'),
    words.clock(Math.abs(source.clockAheadSeconds), source.clockAheadSeconds < 0),
    source.window === null ? words.windowNotChecked : words.window(source.window)
  ]
}

function tellRows({ rows: report }: CheckResult, words: Words): string[] {
  const percent = (part: number, whole: number) => (whole === 0 ? '–' : `${Math.floor((100 * part) / whole)} %`)
  const { str, nik } = report
  const lines = [words.accepted(report.accepted, report.rows)]
  for (const { code, field, reason, rows } of report.rejections) {
    lines.push(`  ${rows} ${code}${field === null ? '' : ` ${field}`}${reason === '' ? '' : ` (${reason})`}`)
  }
  lines.push(words.valid(percent(str.valid, str.present), str.present, percent(nik.valid, nik.present), nik.present))
  lines.push(words.fields)
  for (const { field, at, readable, empty, unreadable } of report.fields) {
    lines.push(`  ${field} ${at}: ${readable}, ${empty}, ${unreadable}`)
  }
  if (report.unmapped.length > 0) {
    lines.push(words.notUsed)
    for (const { at, filled } of report.unmapped) {
      lines.push(`  ${at}: ${words.filledIn(percent(filled, report.rows))}`)
    }
  }
  return lines
}
