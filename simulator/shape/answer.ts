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

/** The members of a page in addition to its rows. */
export interface PageFacts {
  /** Cursor or URL of the next page; null if there is none. */
  next: string | null
  hasMore: boolean
  lastPage: number
  total: number
}

/** Writes answers in the form of one description; `now` is the time in the answers, in milliseconds since the epoch. */
export interface AnswerWriter {
  /** Returns a page. If `facts` is null, it has only its rows and the next page. */
  page(rows: readonly string[], facts: PageFacts | null, now: number, members?: Json): Reply
  /** Returns the answer to a request for one STR; null if no record has it and the description has no answer for that. */
  records(rows: readonly string[], now: number): Reply | null
  /** Returns an answer with this fault; null if the description does not have it. */
  fault(means: Meaning, now: number): Reply | null
}

/** A placeholder for the rows while the other members are converted to JSON. */
const rowsMark = '\u0001rows'
const rowsMarkJson = JSON.stringify(rowsMark)

/** Returns a writer for the answers of a description. */
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

/** Returns the value that the last page has in place of the next page; undefined if it has none. */
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

/** Returns codes for a valid answer, needed if a fault is defined as "any code except these". */
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

/** Returns a code that means this fault, and none of the faults that are checked before it. */
function codeOf(fault: Extract<Fault, { at: string }>, before: readonly Fault[]): string | number {
  const isTaken = (code: string | number) => before.some(one => 'at' in one && one.at === fault.at && says(one, code))
  const codes = 'equals' in fault ? fault.equals : [500, 499, 599, 'GAGAL', 'KELIRU', 999]
  return codes.find(code => says(fault, code) && !isTaken(code)) ?? codes[0] ?? 500
}

function says(fault: Extract<Fault, { at: string }>, code: string | number): boolean {
  const isIn = (list: readonly (string | number)[]) => list.some(one => String(one) === String(code))
  return 'equals' in fault ? isIn(fault.equals) : !isIn(fault.except)
}

/** Returns the JSON value of a code: `false` for "false". */
function asJson(code: string | number): unknown {
  return code === 'true' || code === 'false' ? code === 'true' : code
}
