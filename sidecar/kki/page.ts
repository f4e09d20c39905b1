import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { AttemptFailed } from './attempt.ts'
import { KkiRefused } from './errors.ts'
import { type HttpAnswer, isSuccess, type KkiHttp } from './http.ts'
import { endpoint, type KkiSettings } from './options.ts'
import { isRetryable, statusFailure } from './status.ts'
import type { TokenSource } from './token.ts'
import type { CallContext, KkiPage, PageQuery } from './types.ts'

// Rows stay unknown: a row that breaks the contract is rejected alone, further on.
const envelopeSchema = Compile(
  Type.Object({
    data: Type.Array(Type.Unknown()),
    meta: Type.Object({
      // An empty cursor would ask for the first page again.
      kursor_berikutnya: Type.Union([Type.String({ minLength: 1 }), Type.Null()]),
      total: Type.Optional(Type.Integer({ minimum: 0 }))
    })
  })
)

/** What one attempt needs from the client. */
export interface PageSource {
  settings: KkiSettings
  http: KkiHttp
  tokens: TokenSource
}

/**
 * Asks for one page once: token, request, whole body, parse. A 401 renews the token and asks a second time.
 * @throws AttemptFailed for what may pass; KkiRefused, KkiBodyTooLarge, TokenRefreshFailed; the reason of the signal.
 */
export async function attemptPage(source: PageSource, query: PageQuery, context: CallContext): Promise<KkiPage> {
  const token = await source.tokens.current(context)
  const first = await list(source, query, token, context)
  const answer =
    first.status === 401 ? await list(source, query, await source.tokens.replace(token, context), context) : first
  if (isRetryable(answer.status)) throw statusFailure(answer)
  if (!isSuccess(answer.status)) {
    throw new KkiRefused(`KKI at ${source.settings.baseUrl.origin} refused the request with status ${answer.status}`, {
      status: answer.status,
      page: context.page
    })
  }
  return toPage(answer)
}

async function list(source: PageSource, query: PageQuery, token: string, context: CallContext): Promise<HttpAnswer> {
  const { settings, http } = source
  const startedAt = performance.now()
  let status = 'error'
  try {
    const answer = await http.send({
      method: 'GET',
      url: listUrl(settings.baseUrl, query),
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
  const url = endpoint(baseUrl, '/v1/tenaga-kesehatan')
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

function toPage({ body, date }: HttpAnswer): KkiPage {
  const broken = (problem: string): AttemptFailed => new AttemptFailed({ kind: 'contract', problem })
  if (date === null) throw broken('answered without a readable Date header')
  let envelope: unknown
  try {
    // A TextDecoder takes a byte order mark off, which JSON.parse would stumble over.
    envelope = JSON.parse(new TextDecoder().decode(body))
  } catch {
    // The parser's own error quotes the body, which is personal data: it must not travel as a cause.
    throw broken('sent a page that is not valid JSON')
  }
  if (!envelopeSchema.Check(envelope)) {
    const fault = envelopeSchema.Errors(envelope)[0]
    throw broken(`sent a page that breaks the contract at ${fault?.instancePath || '/'}: ${fault?.message}`)
  }
  return {
    rows: envelope.data,
    nextCursor: envelope.meta.kursor_berikutnya,
    total: envelope.meta.total ?? null,
    sourceNow: date,
    body
  }
}
