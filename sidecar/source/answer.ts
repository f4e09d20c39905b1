import { parseJson } from '../platform/json-text.ts'
import { compilePointer, type Read } from '../transform/field-source.ts'
import { AttemptFailed } from './attempt.ts'
import { type ClockReader, compileClock } from './clock.ts'
import type { Fault, SourceDescription } from './description.ts'
import { type HttpAnswer, isSuccess } from './http.ts'
import { compilePlaces, countingOf } from './paging.ts'
import { compileRowFilter } from './row-filter.ts'
import { compileKey, compileRows } from './rows.ts'
import { isRetryable } from './status.ts'
import type { KkiPage, PageQuery } from './types.ts'

/** The largest count that Odoo can store. */
const largestTotal = 2_147_483_647

/** The meaning of an answer, before its rows are read. */
export interface Evaluated {
  means: Fault['means'] | 'rows' | 'denied'
  /** The parsed body of a successful answer. */
  envelope: unknown
  /** The place of the described fault, which completes "reports a fault …"; `null` without a described fault. */
  fault: string | null
}

export interface AnswerReader {
  /** @throws AttemptFailed if a successful answer is not JSON */
  evaluate(answer: HttpAnswer): Evaluated
  /** @throws AttemptFailed if the answer is not as described */
  toPage(answer: HttpAnswer, evaluated: Evaluated, query: PageQuery, url: URL): KkiPage
  toRecords(answer: HttpAnswer, evaluated: Evaluated): KkiPage
}

/** Returns a reader for the answers of a described source. */
export function compileAnswers(description: SourceDescription, baseUrl: URL): AnswerReader {
  const { answer: shape, oneByStr } = description
  const faults = (shape.faults ?? []).map(compileFault)
  const totalAt = shape.total === undefined ? null : compilePointer(shape.total)
  const errors = (shape.errors ?? []).map(pointer => ({ pointer, at: compilePointer(pointer) }))
  const list = compileRows(shape, countingOf(description) === null ? null : compileKey(description))
  const records = compileRows(
    {
      ...shape,
      ...(oneByStr?.rows !== undefined && { rows: oneByStr.rows }),
      ...(oneByStr?.record !== undefined && { record: oneByStr.record })
    },
    null
  )
  const places = compilePlaces(description, baseUrl)
  const filterFor = compileRowFilter(description)
  const clock = compileClock(description)

  function evaluate(answer: HttpAnswer): Evaluated {
    const { status } = answer
    const envelope = isSuccess(status) && !faults.some(fault => fault.isOfStatus(status)) ? read(answer) : undefined
    const body = envelope === undefined && faults.length > 0 ? readLeniently(answer) : envelope
    for (const fault of faults) {
      if (fault.fits(status, body)) return { means: fault.means, envelope, fault: fault.words }
    }
    if (isSuccess(status)) return { means: 'rows', envelope: envelope ?? read(answer), fault: null }
    if (status === 401) return { means: 'tokenDenied', envelope, fault: null }
    return { means: isRetryable(status) ? 'tryLater' : 'denied', envelope, fault: null }
  }

  function toPage(answer: HttpAnswer, { means, envelope }: Evaluated, query: PageQuery, url: URL): KkiPage {
    if (means === 'noRows') return emptyPage(answer, clock(answer, envelope))
    const sourceNow = timeOf(clock, answer, envelope)
    const found = list(envelope, answer.body, {
      filter: filterFor(query),
      isOverlapped: query.isOverlapped ?? false
    })
    const nextCursor = places.next({
      answer,
      envelope,
      received: found.received,
      cursor: query.cursor,
      limit: query.limit,
      url
    })
    if (found.received === 0 || nextCursor === null) failOnErrors(envelope)
    return {
      ...found,
      nextCursor,
      total: totalOf(envelope, found.received),
      sourceNow,
      release: answer.release
    }
  }

  function toRecords(answer: HttpAnswer, { means, envelope }: Evaluated): KkiPage {
    if (means === 'noRows') return emptyPage(answer, clock(answer, envelope))
    const sourceNow = timeOf(clock, answer, envelope)
    failOnErrors(envelope)
    return {
      ...records(envelope, answer.body, { filter: null }),
      nextCursor: null,
      total: null,
      sourceNow,
      release: answer.release
    }
  }

  /**
   * Throws if an answer reports an error although its status is 200. Otherwise it would count as the last page, or as an
   * unknown STR, and rows would be missed. The error may contain personal data, so the message does not repeat it.
   */
  function failOnErrors(envelope: unknown): void {
    for (const { pointer, at } of errors) {
      if (isError(at(envelope))) throw broken(`sent a page that reports an error at ${pointer}`)
    }
  }

  /** Returns the total number of rows; null if the answer has none, or if it is smaller than the page and so must be wrong. */
  function totalOf(envelope: unknown, received: number): number | null {
    const total = totalAt?.(envelope)
    if (total === null || total === undefined) return null
    const isCount = typeof total === 'number' ? Number.isInteger(total) && total >= 0 : /^\d{1,10}$/.test(String(total))
    if ((typeof total !== 'number' && typeof total !== 'string') || !isCount || Number(total) > largestTotal) {
      throw broken(`sent a page that breaks the contract at ${shape.total}: must be a count of records`)
    }
    return Number(total) < received ? null : Number(total)
  }

  return { evaluate, toPage, toRecords }
}

interface CompiledFault {
  means: Fault['means']
  words: string
  /** True if an answer with this status is the fault, whatever its body is. */
  isOfStatus(status: number): boolean
  fits(status: number, body: unknown): boolean
}

function compileFault(fault: Fault, index: number): CompiledFault {
  const place = `/answer/faults/${index} of the description`
  const isStatus = (status: number) => (fault.status === undefined ? isSuccess(status) : status === fault.status)
  if (!('at' in fault)) {
    return { means: fault.means, words: `by its status (${place})`, isOfStatus: isStatus, fits: isStatus }
  }
  const valueAt = compilePointer(fault.at)
  const codes = new Set(('equals' in fault ? fault.equals : fault.except).map(String))
  const isListed = 'equals' in fault
  return {
    means: fault.means,
    // The code itself is not repeated, because it is KKI's own text.
    words: `at ${fault.at} (${place})`,
    isOfStatus: () => false,
    fits: (status, body) => isStatus(status) && codes.has(textOf(valueAt, body)) === isListed
  }
}

/** Returns a code as text; an empty text for an object or a list, which cannot be a code. */
function textOf(valueAt: Read, body: unknown): string {
  const value = valueAt(body)
  return typeof value === 'object' && value !== null ? '' : String(value)
}

function timeOf(clock: ClockReader, answer: HttpAnswer, envelope: unknown): number {
  const time = clock(answer, envelope)
  if (typeof time === 'number') return time
  throw broken(time)
}

/** Returns a page without rows, for a fault that means "no rows". Such an answer may lack all other members, also the time. */
function emptyPage({ release, answeredAt }: HttpAnswer, time: number | string): KkiPage {
  return {
    rows: [],
    received: 0,
    body: Buffer.from('{"data":[]}'),
    fingerprint: null,
    keys: [],
    nextCursor: null,
    total: null,
    sourceNow: typeof time === 'number' ? time : answeredAt,
    release
  }
}

/** True if the member reports an error. An empty list or object of errors reports none. */
function isError(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value)
}

function read({ body, hasUnknownCoding }: HttpAnswer): unknown {
  try {
    return parseJson(body)
  } catch {
    // The parser's error must not be the cause, because it quotes the body, which is personal data.
    const why = hasUnknownCoding ? ', with an unknown Content-Encoding' : ''
    throw broken(`sent a page that is not valid JSON${why}`)
  }
}

/** Returns undefined for a body that is not JSON, because the body of an error answer is only searched for a code. */
function readLeniently({ body }: HttpAnswer): unknown {
  try {
    return parseJson(body)
  } catch {
    return undefined
  }
}

function broken(problem: string): AttemptFailed {
  return new AttemptFailed({ kind: 'contract', problem })
}
