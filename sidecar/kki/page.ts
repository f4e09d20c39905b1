import { type Static, type TSchema, Type } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { cutList, type JsonList } from '../platform/json-list.ts'
import { AttemptFailed } from './attempt.ts'
import { KkiClockWrong, KkiRefused } from './errors.ts'
import { type HttpAnswer, isSuccess, type KkiHttp } from './http.ts'
import { endpoint, type KkiSettings } from './options.ts'
import { isRetryable, statusFailure } from './status.ts'
import type { TokenSource } from './token.ts'
import type { CallContext, KkiPage, KkiQuery, PageQuery } from './types.ts'

/** Odoo holds no larger count. */
const largestTotal = 2_147_483_647

/** The contract knows neither; gateways in front of KKI send them with status 200. */
const errorMembers = { error: Type.Optional(Type.Unknown()), errors: Type.Optional(Type.Unknown()) }

// Rows stay unknown: a row that breaks the contract is rejected alone, further on.
const envelopeSchema = Compile(
  Type.Object({
    data: Type.Array(Type.Unknown()),
    meta: Type.Object({
      // An empty cursor would ask for the first page again. Half a surrogate pair cannot be sent back as it came, and a
      // long cursor fits into no address.
      kursor_berikutnya: Type.Union([
        Type.String({ minLength: 1, maxLength: 2000, pattern: '^[^\\p{Cc}\\p{Cs}]*$' }),
        Type.Null()
      ]),
      total: Type.Optional(
        Type.Union([
          Type.Integer({ minimum: 0, maximum: largestTotal }),
          Type.String({ pattern: '^\\d{1,10}$' }),
          Type.Null()
        ])
      )
    }),
    ...errorMembers
  })
)

const recordSchema = Compile(Type.Object({ data: Type.Array(Type.Unknown()), ...errorMembers }))

/** What one attempt needs from the client. */
export interface PageSource {
  settings: KkiSettings
  http: KkiHttp
  tokens: TokenSource
}

const listRoute = '/v1/tenaga-kesehatan'
const recordRoute = '/v1/tenaga-kesehatan/{nomor_str}'

/** A token out of the store may have been refused meanwhile as well, and so may the next one; not without end. */
const tokensPerAttempt = 4

/**
 * Asks for one page once: token, request, whole body, parse. A 401 renews the token and asks again; for a token that was
 * issued during this attempt a 401 is KKI's last word, unless it was the first.
 * @throws AttemptFailed for what may pass; KkiRefused, KkiClockWrong, KkiBodyTooLarge, TokenRefreshFailed; the reason of
 *   the signal.
 */
export async function attemptPage(source: PageSource, query: KkiQuery, context: CallContext): Promise<KkiPage> {
  const answer = await sendWithToken(source, query, context)
  if (isRetryable(answer.status)) throw statusFailure(answer)
  if (!isSuccess(answer.status)) {
    throw new KkiRefused(`KKI at ${source.settings.baseUrl.origin} refused the request with status ${answer.status}`, {
      status: answer.status,
      page: context.page
    })
  }
  const page = 'strNumber' in query ? toRecords(answer) : toPage(answer)
  checkClock(source.settings, answer, page.sourceNow, context)
  return page
}

/**
 * Windows, watermarks and the limit for `diubah_pada` follow KKI's clock, so every page is checked: behind one address may
 * be machines whose clocks differ, or a cache that answers with an old page.
 * @throws KkiClockWrong
 */
function checkClock(
  { baseUrl, clockToleranceMs }: KkiSettings,
  { askedAt, answeredAt }: HttpAnswer,
  sourceNow: number,
  { page }: CallContext
): void {
  const aheadMs = sourceNow - answeredAt
  const behindMs = askedAt - sourceNow
  if (Math.max(aheadMs, behindMs) <= clockToleranceMs) return
  const seconds = Math.round(Math.max(aheadMs, behindMs) / 1000)
  throw new KkiClockWrong(
    `KKI at ${baseUrl.origin} says that it is ${new Date(sourceNow).toISOString()}, ${seconds} s ` +
      `${aheadMs > 0 ? 'ahead of' : 'behind'} our own clock; ${clockToleranceMs / 1000} s are allowed`,
    { page }
  )
}

async function sendWithToken(source: PageSource, query: KkiQuery, context: CallContext): Promise<HttpAnswer> {
  const startedAt = Date.now()
  let token = await source.tokens.current(context)
  for (let tokens = 1; ; tokens++) {
    const answer = await send(source, query, token.accessToken, context)
    if (answer.status !== 401 || tokens === tokensPerAttempt) return answer
    if (tokens > 1 && token.issuedAt >= startedAt) return answer
    token = await source.tokens.replace(token, context)
  }
}

async function send(source: PageSource, query: KkiQuery, token: string, context: CallContext): Promise<HttpAnswer> {
  const { settings, http } = source
  const startedAt = performance.now()
  let status = 'error'
  try {
    const answer = await http.send({
      method: 'GET',
      url: 'strNumber' in query ? strUrl(settings.baseUrl, query.strNumber) : listUrl(settings.baseUrl, query),
      route: 'strNumber' in query ? recordRoute : listRoute,
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      maxBodyBytes: settings.maxBodyBytes,
      signal: context.signal,
      context
    })
    status = String(answer.status)
    return answer
  } catch (error) {
    if (context.signal.aborted) status = 'aborted'
    else if (error instanceof AttemptFailed && error.isTimeout) status = 'timeout'
    throw error
  } finally {
    settings.observer.onRequest?.({ status, seconds: (performance.now() - startedAt) / 1000 })
  }
}

function listUrl(baseUrl: URL, query: PageQuery): URL {
  const url = endpoint(baseUrl, listRoute)
  const parameters = {
    profesi: query.profession,
    diubah_sejak: query.changedSince,
    diubah_sampai: query.changedUntil,
    kursor: query.cursor,
    batas: String(query.limit)
  }
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value)
  }
  return url
}

function strUrl(baseUrl: URL, strNumber: string): URL {
  return endpoint(
    baseUrl,
    recordRoute.replace('{nomor_str}', () => encodeURIComponent(strNumber))
  )
}

function toPage(answer: HttpAnswer): KkiPage {
  const { rows, envelope } = read(answer, envelopeSchema)
  const { kursor_berikutnya: nextCursor, total } = envelope.meta
  if (rows.length === 0 || nextCursor === null) refuseError(envelope)
  return { ...came(answer, rows), nextCursor, total: toTotal(total, rows) }
}

/** A count that is smaller than the page itself says nothing. */
function toTotal(total: number | string | null | undefined, rows: JsonList): number | null {
  if (total === null || total === undefined) return null
  const count = Number(total)
  if (count > largestTotal)
    throw broken('sent a page that breaks the contract at /meta/total: must be a count of records')
  return count < rows.length ? null : count
}

function toRecords(answer: HttpAnswer): KkiPage {
  const { rows, envelope } = read(answer, recordSchema)
  refuseError(envelope)
  return { ...came(answer, rows), nextCursor: null, total: null }
}

/**
 * Fails on an answer that reports an error although its status is 200. Taken for a last page or for "no such STR", it
 * would count as seen what KKI never sent. What the error says may be personal data, so it is not repeated.
 */
function refuseError({ error, errors }: { error?: unknown; errors?: unknown }): void {
  if (saysSomething(error)) throw broken('sent a page that reports an error at /error')
  if (saysSomething(errors)) throw broken('sent a page that reports an error at /errors')
}

/** An empty list or object of errors reports none. */
function saysSomething(value: unknown): boolean {
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : Boolean(value)
}

function came(
  { body, date, release }: HttpAnswer,
  rows: JsonList
): Pick<KkiPage, 'rows' | 'body' | 'sourceNow' | 'release'> {
  if (date === null) throw broken('answered without a readable Date header')
  return {
    rows,
    body,
    sourceNow: date,
    release() {
      // What is read of it by mistake would be rows of other people.
      rows.forget()
      release()
    }
  }
}

/** Rows are cut out and not read: most of them are known as they came. */
function read<Schema extends TSchema>(
  { body, hasUnknownCoding }: HttpAnswer,
  schema: Validator<Type.TProperties, Schema>
): { rows: JsonList; envelope: Static<Schema> } {
  let rows: JsonList
  let envelope: unknown
  try {
    const { list, rest } = cutList(body, 'data')
    rows = list
    envelope = JSON.parse(rest)
  } catch {
    // The parser's own error quotes the body, which is personal data: it must not travel as a cause.
    const why = hasUnknownCoding ? ', with a Content-Encoding that is not known' : ''
    throw broken(`sent a page that is not valid JSON${why}`)
  }
  if (!schema.Check(envelope)) {
    const fault = schema.Errors(envelope)[0]
    throw broken(`sent a page that breaks the contract at ${fault?.instancePath || '/'}: ${fault?.message}`)
  }
  return { rows, envelope: envelope as Static<Schema> }
}

function broken(problem: string): AttemptFailed {
  return new AttemptFailed({ kind: 'contract', problem })
}
