import type { Fault, SourceDescription } from '../../sidecar/source/description.ts'
import { compileInstant, type InstantWriter } from './dates.ts'
import { compilePut, type Json, type Put } from './json-place.ts'
import { compileSources } from './source-writer.ts'

export type Meaning = Fault['means']

/** An answer other than a problem. */
export interface Reply {
  status: number
  body: string
}

/** What stands beside the rows of one page. */
export interface PageFacts {
  /** Cursor or address of the next page; null where there is none. */
  next: string | null
  hasMore: boolean
  lastPage: number
  total: number
}

/** Writes answers as one description has them; `now` is the clock that they show, in milliseconds since the epoch. */
export interface AnswerWriter {
  /** Returns a page; `facts` null leaves out all that pages have beside rows and next page. */
  page(rows: readonly string[], facts: PageFacts | null, now: number, members?: Json): Reply
  /** Returns the answer to a question for one STR; null where no record has it and nothing says what then comes. */
  records(rows: readonly string[], now: number): Reply | null
  /** Returns how the description says a fault; null where it does not. */
  fault(means: Meaning, now: number): Reply | null
}

/** Stands for the rows while the rest is made into JSON. */
const rowsMark = '\u0001rows'
const rowsMarkJson = JSON.stringify(rowsMark)

/** Returns the writer of a description's answers. */
export function compileAnswers({ answer, paging, clock, oneByStr, dates, tables }: SourceDescription): AnswerWriter {
  const faults = answer.faults ?? []
  const normal = normalCodes(faults)
  const next = 'next' in paging ? compileSources([paging.next])[0] : undefined
  const hasMore = 'hasMore' in paging && paging.hasMore !== undefined ? compilePut(paging.hasMore) : undefined
  const lastPage = 'lastPage' in paging && paging.lastPage !== undefined ? compilePut(paging.lastPage) : undefined
  const total = answer.total === undefined ? undefined : compilePut(answer.total)
  const writeClock: InstantWriter | undefined =
    clock.from === 'field' ? compileInstant(clock.format, dates.zone, tables.monthNames) : undefined
  const putClock = clock.from === 'field' ? compilePut(clock.at) : undefined

  const begin = (now: number): Json => {
    const root: Json = {}
    if (writeClock !== undefined) putClock?.(root, writeClock(now))
    return root
  }
  const succeed = (root: Json) => {
    for (const { put, code } of normal) put(root, code)
  }
  const fault: AnswerWriter['fault'] = (means, now) => {
    const index = faults.findIndex(one => one.means === means)
    const found = faults[index]
    if (found === undefined) return null
    const root = begin(now)
    if ('at' in found) {
      succeed(root)
      compilePut(found.at)(root, asJson(codeOf(found, faults.slice(0, index))))
    }
    return { status: found.status ?? 200, body: JSON.stringify(root) }
  }

  return {
    fault,
    page(rows, facts, now, members = {}) {
      const empty = rows.length === 0 && facts !== null ? fault('noRows', now) : null
      if (empty !== null && facts?.next == null) return empty
      if (answer.rows === '') return { status: 200, body: `[${rows.join(',')}]` }
      const root: Json = {}
      succeed(root)
      if (rows.length > 0 || answer.rowsMayBe === undefined) compilePut(answer.rows)(root, rowsMark)
      else if (!answer.rowsMayBe.includes('absent')) compilePut(answer.rows)(root, null)
      const nextOrEnd = facts?.next ?? endOf(paging)
      if (nextOrEnd !== undefined) next?.(root, nextOrEnd, 0)
      if (facts !== null) {
        hasMore?.(root, facts.hasMore)
        lastPage?.(root, facts.lastPage)
        total?.(root, facts.total)
      }
      if (writeClock !== undefined) putClock?.(root, writeClock(now))
      return { status: 200, body: withRows({ ...root, ...members }, rows) }
    },
    records(rows, now) {
      if (rows.length === 0) return fault('noRows', now)
      const at = oneByStr?.record ?? oneByStr?.rows ?? answer.rows
      const isOne = oneByStr?.record !== undefined
      const [first = 'null'] = rows
      if (at === '') return { status: 200, body: isOne ? first : `[${rows.join(',')}]` }
      const root: Json = {}
      succeed(root)
      compilePut(at)(root, rowsMark)
      if (writeClock !== undefined) putClock?.(root, writeClock(now))
      return { status: 200, body: isOne ? splice(JSON.stringify(root), first) : withRows(root, rows) }
    }
  }
}

/** What stands in place of the next page on the last one; undefined where nothing does. */
function endOf(paging: SourceDescription['paging']): string | null | undefined {
  const { nextMayBe = [] } = paging as { nextMayBe?: string[] }
  if (nextMayBe.includes('blank')) return ''
  return nextMayBe.includes('absent') ? undefined : null
}

function withRows(root: Json, rows: readonly string[]): string {
  return splice(JSON.stringify(root), `[${rows.join(',')}]`)
}

function splice(text: string, inserted: string): string {
  const at = text.indexOf(rowsMarkJson)
  return at < 0 ? text : text.slice(0, at) + inserted + text.slice(at + rowsMarkJson.length)
}

/** The codes of a valid answer, which avoid every fault that is defined by exceptions. */
function normalCodes(faults: readonly Fault[]): { put: Put; code: unknown }[] {
  const codes = new Map<string, unknown>()
  for (const fault of faults) {
    if ('except' in fault && !codes.has(fault.at))
      codes.set(fault.at, asJson(fault.except.find(isGood(fault.at)) ?? ''))
  }
  return [...codes].map(([pointer, code]) => ({ put: compilePut(pointer), code }))

  function isGood(at: string) {
    return (code: string | number) => !faults.some(fault => 'at' in fault && fault.at === at && says(fault, code))
  }
}

/** Returns a code that means this fault, and none of those that count before it. */
function codeOf(fault: Extract<Fault, { at: string }>, before: readonly Fault[]): string | number {
  const isTaken = (code: string | number) => before.some(one => 'at' in one && one.at === fault.at && says(one, code))
  const codes = 'equals' in fault ? fault.equals : [500, 499, 599, 'GAGAL', 'KELIRU', 999]
  return codes.find(code => says(fault, code) && !isTaken(code)) ?? codes[0] ?? 500
}

function says(fault: Extract<Fault, { at: string }>, code: string | number): boolean {
  const isIn = (list: readonly (string | number)[]) => list.some(one => String(one) === String(code))
  return 'equals' in fault ? isIn(fault.equals) : !isIn(fault.except)
}

/** An API that a description reads as "false" sends the JSON value. */
function asJson(code: string | number): unknown {
  return code === 'true' || code === 'false' ? code === 'true' : code
}
