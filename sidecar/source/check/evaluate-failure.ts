import { isCertificateCode } from '../../platform/certificate-fault.ts'
import { parseJson } from '../../platform/json-text.ts'
import { compilePointer } from '../../transform/field-source.ts'
import type { SourceDescription } from '../description.ts'
import { KkiContractBroken, KkiError, KkiModuleFailed, KkiUnavailable, TokenRefreshFailed } from '../errors.ts'
import type { RawAnswer } from '../options.ts'
import type { Failure } from './facts.ts'
import type { Finding, FindingCode } from './findings.ts'
import { leavesOf, listsOf, printablePointer } from './shape.ts'

const codeName = /(?:^|\/)(?:\w*code|kode|status\w*|rc|rescode|response)$/i
/** A code, not a sentence. */
const codeValue = /^[A-Za-z0-9_.-]{1,20}$/
const tokenValue = /^[\x21-\x7e]{12,}$/
const mostPlaces = 3

/** Returns the most likely cause if the requests ended early. */
export function evaluateFailure(failure: Failure, description: SourceDescription, baseUrl: string): Finding {
  const found =
    failure.step === 'token' ? evaluateToken(failure, description) : evaluatePage(failure, description, baseUrl)
  return { ...found, level: 'wrong', params: { ...found.params, step: failure.step, page: failure.page } }
}

type Cause = Pick<Finding, 'code' | 'at' | 'params'>

function cause(code: FindingCode, at: string, params: Cause['params'] = {}): Cause {
  return { code, at, params }
}

function evaluateToken({ error, answer }: Failure, { authentication }: SourceDescription): Cause {
  if (isTimeout(error)) return evaluateSilence(error, '')
  const path = '/authentication/path'
  if (answer === null) return evaluateSilence(error, path)
  const { status } = answer
  if (status >= 300 && status < 400) return cause('redirected', path, locationOf(answer))
  if (status === 404 || status === 405) return cause('tokenPathWrong', path, { status })
  if (status === 429 || status >= 500) return cause('tokenUnavailable', '', { status })
  if (status >= 400) return cause('credentialsDenied', '/authentication', { status })
  if (isHtml(answer)) return cause('htmlAnswered', path, { status })
  const expected = ('token' in authentication && authentication.token) || '/access_token'
  const found = placesOfToken(answer)
  if (found.length > 0 && !found.includes(expected)) {
    return cause('tokenElsewhere', '/authentication/token', { expected, found: found.join(', ') })
  }
  if (error instanceof TokenRefreshFailed) return cause('credentialsDenied', '/authentication', { status })
  return cause('tokenMissing', '/authentication', { expected })
}

function evaluatePage(failure: Failure, description: SourceDescription, baseUrl: string): Cause {
  const { error, answer, page } = failure
  const path = '/request/path'
  if (isTimeout(error)) return evaluateSilence(error, '')
  if (error instanceof KkiModuleFailed) return cause('moduleFailed', '/module', problemOf(error.message))
  const message = error instanceof Error ? error.message : String(error)
  if (/Content-Encoding/.test(message)) return cause('encodingBroken', '', {})
  if (answer === null) return evaluateSilence(error, path)
  const { status } = answer
  const fault = faultIn(message)
  // The client has already repeated the request with a new token.
  if (fault !== null && description.answer.faults?.[fault.index]?.means === 'tokenDenied') {
    return cause('tokenDenied', '/authentication', { status, place: fault.place })
  }
  if (status >= 300 && status < 400) return cause('redirected', path, locationOf(answer, baseUrl))
  if (status === 404 && page === 1) return cause('pathNotFound', path, { path: description.request.path })
  if (status === 405) return cause('methodDenied', '/request/method', { method: description.request.method ?? 'GET' })
  if (status === 401) return cause('tokenDenied', '/authentication', { status, place: '' })
  if (status === 403) return cause('forbidden', '/authentication', { status })
  if (status === 429 || status >= 500) return cause('unavailable', '', { status })
  if (fault !== null) return cause('faultReported', `/answer/faults/${fault.index}`, { status, place: fault.place })
  if (status >= 400) return cause('requestDenied', '/request', { status })
  if (isHtml(answer)) return cause('htmlAnswered', path, { status })
  return evaluateContent(message, answer, description)
}

/** The description's rule for the answer, and the place of its code; empty if the status decides. */
function faultIn(message: string): { index: number; place: string } | null {
  const [, place = '', index] = / a fault (?:at (\S+)|by its status) \(\/answer\/faults\/(\d+)/.exec(message) ?? []
  return index === undefined ? null : { index: Number(index), place }
}

/** An answer with status 2xx came and does not match the description. */
function evaluateContent(message: string, answer: RawAnswer, { answer: { rows } }: SourceDescription): Cause {
  const body = parsed(answer)
  if (body === undefined) return cause('notJson', '', { type: String(answer.headers['content-type'] ?? 'none') })
  if (/must be a list|must be an object/.test(message)) {
    const found = listsOf(body).map(({ pointer, elements }) => `"${printablePointer(pointer)}" (${elements.length})`)
    if (found.length > 0) {
      return cause('rowsElsewhere', '/answer/rows', { expected: rows, found: found.slice(0, mostPlaces).join(', ') })
    }
    const code = codeIn(body, rows)
    if (code !== null) return cause('errorInBody', '/answer/faults', code)
    const value = compilePointer(rows)(body)
    const stands = value === undefined ? 'nothing' : value === null ? 'null' : 'no list'
    return cause('rowsMissing', '/answer/rows', { expected: rows, stands })
  }
  const reported = /reports an error at (\S+)/.exec(message)?.[1]
  if (reported !== undefined) return cause('errorReported', '/answer/errors', { at: reported })
  if (/next address on another|next address that is n/.test(message)) return cause('linkElsewhere', '/paging', {})
  if (/names no next one|\/paging|is missing|must be a text or null|next cursor/.test(message)) {
    return cause('nextMissing', '/paging', problemOf(message))
  }
  if (/Date header|must be a time/.test(message)) return cause('clockMissing', '/clock', {})
  return cause('answerUnusable', '', problemOf(message))
}

/** No answer came. */
function evaluateSilence(error: unknown, at: string): Cause {
  if (isTimeout(error)) return cause('tooSlow', '', problemOf('did not answer in time'))
  if (!(error instanceof KkiError)) return cause('unreachable', '', problemOf(String(error)))
  if (error instanceof TokenRefreshFailed) return cause('secretIncomplete', '/authentication', problemOf(error.message))
  const problem = problemOf(error.message)
  if (error instanceof KkiUnavailable && /in time/.test(error.message)) return cause('tooSlow', '', problem)
  if (error instanceof KkiContractBroken) return cause('answerUnusable', at, problem)
  return cause(isCertificateCode(problem.detail) ? 'certificateRejected' : 'unreachable', '', problem)
}

/** The time limit of the check has passed. */
function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}

/** The client's message without the address and the number of attempts; `detail` is the code or place in it. */
function problemOf(message: string): { problem: string; detail: string } {
  const problem = message
    .replace(/^KKI at \S+ /, '')
    .replace(/ \(page \d+\)$/, '')
    .replace(/ after \d+ attempts?$/, '')
  return { problem, detail: /\(([A-Z][A-Z0-9_]+)\)| at (\/\S*):/.exec(problem)?.slice(1).find(Boolean) ?? '' }
}

function parsed({ body }: RawAnswer): unknown {
  try {
    return parseJson(body)
  } catch {
    return undefined
  }
}

function isHtml({ headers, body }: RawAnswer): boolean {
  return /html/i.test(String(headers['content-type'] ?? '')) || /^\s*</.test(body.subarray(0, 100).toString('latin1'))
}

/** The target of a redirect, without its query, which may contain anything. */
function locationOf({ status, headers }: RawAnswer, baseUrl?: string): Cause['params'] {
  const url = URL.parse(String(headers.location ?? ''), baseUrl ?? 'http://source')
  if (url === null || headers.location === undefined) return { status, location: 'nowhere' }
  const isHere = url.host === 'source' || url.origin === URL.parse(baseUrl ?? '')?.origin
  return { status, location: printablePointer(isHere ? url.pathname : url.origin + url.pathname) }
}

function placesOfToken(answer: RawAnswer): string[] {
  const leaves = leavesOf([parsed(answer)]).filter(({ values: [value] }) => tokenValue.test(String(value ?? '')))
  const named = leaves.filter(({ pointer }) => /token|jwt|session/i.test(pointer) && !/refresh|type/i.test(pointer))
  return named.map(({ pointer }) => printablePointer(pointer)).slice(0, mostPlaces)
}

/** Returns a code next to the rows; their place may contain an object instead of a list. */
function codeIn(body: unknown, rows: string): Cause['params'] | null {
  for (const { pointer, values } of leavesOf([body])) {
    if (rows !== '' && pointer.startsWith(`${rows}/`)) continue
    const value = String(values[0] ?? '')
    if (codeName.test(pointer) && codeValue.test(value) && !/\d{6}/.test(value)) {
      return { place: printablePointer(pointer), code: value }
    }
  }
  return null
}
