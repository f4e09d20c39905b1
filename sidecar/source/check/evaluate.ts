import { type MappedField, requiredFields } from '../../transform/mapping.ts'
import type { Tables } from '../../transform/tables.ts'
import type { SourceDescription } from '../description.ts'
import { placeholdersIn } from '../template.ts'
import type { FieldReport, RowsReport } from './analyse-rows.ts'
import { evaluateFailure } from './evaluate-failure.ts'
import type { Facts } from './facts.ts'
import type { Finding, FindingCode } from './findings.ts'
import { compileTime } from './probe-window.ts'
import { keysOf, recognise } from './recognise.ts'
import { leavesOf, printablePointer, withoutIndexes } from './shape.ts'

export interface EvaluateOptions {
  description: SourceDescription
  baseUrl: string
  pageSize: number
  /** The tolerated difference between the source's clock and ours. */
  clockToleranceMs: number
}

/** A share of unreadable values up to this is usual in a register. */
const usualDirt = 0.1
/** Enough rows to evaluate a column. */
const enoughRows = 5
/** A clock with this difference affects the windows. */
const noticeableSkewMs = 60_000
/** With fewer rows a second a full run of two million takes more than half a day. */
const slowRowsPerSecond = 40

/** Returns the faults of a source or its description, unsorted. */
export function evaluate(facts: Facts, report: RowsReport, options: EvaluateOptions): Finding[] {
  const { description, baseUrl } = options
  const findings: Finding[] = []
  const add = (level: Finding['level'], code: FindingCode, at: string, params: Finding['params'] = {}) => {
    findings.push({ code, level, at, params })
  }
  if (facts.countsFrom !== null) {
    const at = description.paging.type === 'offset' ? '/paging/firstOffset' : '/paging/firstPage'
    add('wrong', 'firstNumberWrong', at, { countsFrom: facts.countsFrom, described: 1 - facts.countsFrom })
  }
  if (facts.failure !== null) findings.push(evaluateFailure(facts.failure, description, baseUrl))
  evaluatePaging(facts, options, add)
  evaluateWindow(facts, description, add)
  evaluateClock(facts, options, add)
  evaluateRows(facts, report, description, add)
  return findings
}

type Add = (level: Finding['level'], code: FindingCode, at: string, params?: Finding['params']) => void

function evaluatePaging(
  { pages, repeats, repeatedRows, end, failure }: Facts,
  options: EvaluateOptions,
  add: Add
): void {
  const { description, pageSize } = options
  const received = pages.reduce((sum, page) => sum + page.received, 0)
  if (pages.length > 0 && received === 0) add('wrong', 'noRows', '/answer/rows')
  if (repeats === 'page') add('wrong', 'pageRepeated', '/paging')
  else if (repeats === 'cursor') add('wrong', 'cursorRepeated', '/paging')
  else if (repeatedRows > 0) add('wrong', 'rowsRepeated', '/paging', { rows: repeatedRows, of: received })
  evaluateOrder(
    pages.flatMap(page => page.rows),
    description,
    add
  )

  const isWhole = end === 'reached' && pages.at(-1)?.nextCursor === null && repeats === null && failure === null
  const total = pages[0]?.total ?? null
  if (total !== null && (isWhole ? total !== received : total < received)) {
    add('warning', 'totalWrong', '/answer/total', { total, received })
  }
  const sizes = pages.slice(0, -1).map(page => page.received)
  const largest = Math.max(0, ...pages.map(page => page.received))
  if (
    placeholdersIn([description.request.query, description.request.json, description.request.form]).includes('pageSize')
  ) {
    if (largest > pageSize)
      add('warning', 'pageSizeIgnored', '/limits/pageSize', { asked: pageSize, received: largest })
    // Pages may differ in size; none but the last is short for want of rows.
    else if (sizes.length > 0 && largest < pageSize) {
      add('warning', 'pageSizeCapped', '/limits/pageSize', { asked: pageSize, received: largest })
    }
  }
  const seconds = pages.reduce((sum, page) => sum + page.seconds, 0)
  const rate = received / Math.max(seconds, 0.001)
  if (seconds > 1 && rate < slowRowsPerSecond) add('warning', 'slow', '', { rowsPerSecond: Math.round(rate * 10) / 10 })
}

/** Rows that change during a walk move to a later page only if the list is ordered by change. */
function evaluateOrder(rows: readonly unknown[], description: SourceDescription, add: Add): void {
  const times = rows.map(compileTime(description)).filter(ms => ms !== null)
  const falls = times.filter((ms, index) => index > 0 && ms < (times[index - 1] as number)).length
  const rises = times.filter((ms, index) => index > 0 && ms > (times[index - 1] as number)).length
  if (falls === 0 || rises === 0) return
  const isCounted = description.paging.type === 'page_number' || description.paging.type === 'offset'
  add(isCounted ? 'wrong' : 'warning', 'unsorted', '/request')
}

function evaluateWindow({ window, failure }: Facts, description: SourceDescription, add: Add): void {
  const { window: described } = description.request
  if (described?.since === undefined) add('warning', 'windowMissing', '/request/window')
  if (window === null || failure?.step === 'window') return
  const { expected, received, outside, shiftedHours, hasSince, hasUntil } = window
  if (shiftedHours !== null) {
    const isLocal = described?.zone !== undefined
    add('wrong', 'windowShifted', isLocal ? '/request/window/zone' : '/dates/zone', { hours: shiftedHours })
  } else if (outside > 0) add('wrong', 'windowIgnored', '/request', { outside, received })
  else if (received === 0 && expected > 0) add('wrong', 'windowEmpty', '/request/window', { expected })
  else {
    if (hasSince === false && described?.since === 'inclusive') add('wrong', 'sinceExclusive', '/request/window/since')
    if (hasUntil === true && described?.until === 'exclusive') add('warning', 'untilInclusive', '/request/window/until')
  }
}

function evaluateClock({ pages }: Facts, { description, clockToleranceMs }: EvaluateOptions, add: Add): void {
  const [page] = pages
  // With our own clock, the reported time is earlier by its margin.
  if (page === undefined || description.clock.from === 'own' || Math.abs(page.aheadMs) < noticeableSkewMs) return
  const isWrong = Math.abs(page.aheadMs) > clockToleranceMs
  add(isWrong ? 'wrong' : 'warning', 'clockWrong', '/clock', {
    seconds: Math.round(Math.abs(page.aheadMs) / 1000),
    direction: page.aheadMs > 0 ? 'ahead of' : 'behind'
  })
}

function evaluateRows(facts: Facts, report: RowsReport, description: SourceDescription, add: Add): void {
  if (report.rows === 0) return
  const { fields, inexact, birthDates, future } = report
  const likely = recognisePlaces(facts, description)
  for (const field of fields) evaluateField(field, report.rows, likely, add)
  for (const field of ['nik', 'strNumber'] as const) {
    if (inexact[field] > 0) {
      add(levelOf(inexact[field], report.rows), 'numberInexact', `/fields/${field}`, { field, rows: inexact[field] })
    }
  }
  if (birthDates.compared >= enoughRows && birthDates.exchanged > birthDates.compared / 4) {
    add('wrong', 'dayMonthExchanged', '/dates/formats/birthDate', {
      rows: birthDates.exchanged,
      of: birthDates.compared
    })
  }
  if (future.rows > 0) {
    add(levelOf(future.rows, report.rows), 'timesInFuture', '/dates/zone', { rows: future.rows, hours: future.hours })
  }
}

function evaluateField(report: FieldReport, rows: number, likely: ReadonlyMap<MappedField, string>, add: Add): void {
  const { field, at, readable, unreadable, empty, reasons } = report
  const filled = readable + unreadable
  const place = `/fields/${field}`
  const isRequired = requiredFields.includes(field)
  if (empty > 0 && (filled === 0 || (isRequired && empty > usualDirt * rows))) {
    const found = likely.get(field)
    const level = isRequired ? 'wrong' : 'warning'
    if (filled === 0 && found !== undefined) add('wrong', 'fieldElsewhere', place, { field, expected: at, found })
    else if (isRequired || rows >= enoughRows)
      add(level, 'fieldEmpty', place, { field, expected: at, rows: empty, of: rows })
  }
  if (unreadable === 0) return
  const level = levelOf(unreadable, filled)
  const [main = ''] = Object.entries(reasons).sort(([, a], [, b]) => b - a)[0] ?? []
  const params = { field, rows: unreadable, of: filled }
  if (main === 'masked') add(level, 'namesMasked', place, params)
  else if (main === 'rounded') add(level, 'nikRounded', place, params)
  else if (main === 'notListed' || (main === 'value' && field === 'sex')) {
    const words = report.unknownWords.map(({ word, rows: count }) => `${word} (${count})`).join(', ')
    add(level, 'wordsUnknown', tableOf(field), { ...params, words, hidden: report.hiddenWords })
  } else if (main === 'format')
    add(level, 'datesUnread', `/dates/formats/${field}`, { ...params, formats: (report.formats ?? []).join(', ') })
  else if (main === 'type') add(level, 'typeWrong', place, params)
  // Times in the future have a finding of their own.
  else if (main !== 'future') {
    add(level, 'valuesUnreadable', place, { ...params, reasons: Object.keys(reasons).filter(Boolean).join(', ') })
  }
}

function levelOf(rows: number, of: number): Finding['level'] {
  return rows > usualDirt * of ? 'wrong' : 'warning'
}

function tableOf(field: MappedField): string {
  const tables: Partial<Record<MappedField, keyof Tables>> = {
    status: 'statusWords',
    sex: 'sexWords',
    profession: 'professions'
  }
  return `/tables/${tables[field]}`
}

/** Returns the likely places of fields, among the places that no field reads. */
function recognisePlaces({ pages }: Facts, { tables, fields }: SourceDescription): Map<MappedField, string> {
  const used = new Set(Object.values(fields).map(source => (typeof source === 'string' ? withoutIndexes(source) : '')))
  const places = leavesOf(pages.flatMap(page => page.rows))
    .filter(({ pointer, values }) => values.length > 0 && !used.has(withoutIndexes(pointer)))
    .map(({ pointer, values }) => ({ source: pointer, keys: keysOf(pointer), values }))
  const guesses = recognise(places, tables)
  return new Map([...guesses].map(([field, { place }]) => [field, printablePointer(String(place.source))]))
}
