import { compileAnswers, type Judged } from './answer.ts'
import { AttemptFailed } from './attempt.ts'
import { KkiClockWrong, KkiRefused } from './errors.ts'
import type { HttpAnswer, HttpCall, KkiHttp } from './http.ts'
import type { ModuleRequest } from './module.ts'
import type { KkiSettings } from './options.ts'
import { type BareRequest, carry, compileRequests } from './request.ts'
import { asKkiError } from './secret-fault.ts'
import { isRetryable, statusFailure } from './status.ts'
import { type AccessToken, type Credentials, credentialsSecret } from './token.ts'
import type { CallContext, KkiPage, KkiQuery } from './types.ts'

/** A token out of the store may have been refused meanwhile as well, and so may the next one; not without end. */
const tokensPerAttempt = 4

interface Exchange {
  answer: HttpAnswer
  judged: Judged
  url: URL
}

/**
 * Returns what asks for one page once: token, request, whole body, parse. If KKI refuses the token, another one is got and
 * the page asked for again. For a token that was issued during this attempt a refusal is KKI's last word, unless it was the
 * first.
 *
 * It throws AttemptFailed for what may pass; KkiRefused, KkiClockWrong, KkiBodyTooLarge, KkiModuleFailed,
 * TokenRefreshFailed; the reason of the signal.
 */
export function compileAttempt(
  settings: KkiSettings,
  http: KkiHttp,
  credentials: Credentials
): (query: KkiQuery, context: CallContext) => Promise<KkiPage> {
  const { description, baseUrl } = settings
  const requestFor = compileRequests(description, baseUrl)
  const answers = compileAnswers(description, baseUrl)
  const readSecret = keepSecret(settings)

  return async (query, context) => {
    const exchange = await sendWithCredentials(query, context)
    refuse(settings, exchange, context)
    const { answer, judged, url } = exchange
    const page = 'strNumber' in query ? answers.toRecords(answer, judged) : answers.toPage(answer, judged, query, url)
    if (description.clock.from !== 'own') checkClock(settings, answer, page.sourceNow, context)
    return page
  }

  async function sendWithCredentials(query: KkiQuery, context: CallContext): Promise<Exchange> {
    const startedAt = Date.now()
    let token = await credentials.current(context)
    for (let tokens = 1; ; tokens++) {
      const exchange = await send(query, token, context)
      if (exchange.judged.means !== 'tokenRefused' || tokens === tokensPerAttempt) return exchange
      if (description.authentication.type === 'none' || (tokens > 1 && token.issuedAt >= startedAt)) return exchange
      exchange.answer.release()
      token = await credentials.replace(token, context)
    }
  }

  async function send(query: KkiQuery, token: AccessToken, context: CallContext): Promise<Exchange> {
    const request = requestFor(query)
    if (request === null) {
      throw new KkiRefused('an STR that no path can hold was not asked for', { status: 400, page: context.page })
    }
    carry(description.authentication, token.accessToken, request)
    const startedAt = performance.now()
    let status = 'error'
    try {
      const answer = await exchangeSigned(settings, readSecret, http, request, context)
      status = String(answer.status)
      return { answer, judged: answers.judge(answer), url: request.url }
    } catch (error) {
      if (context.signal.aborted) status = 'aborted'
      else if (error instanceof AttemptFailed && error.isTimeout) status = 'timeout'
      throw error
    } finally {
      settings.observer.onRequest?.({ status, seconds: (performance.now() - startedAt) / 1000 })
    }
  }
}

/** A changed secret of a module is known after this. */
const secretKeptMs = 60_000

type ReadSecret = (context: CallContext) => Promise<Record<string, string>>

/** Returns what reads the source's secret: not for each page, since the store may be a service. */
function keepSecret({ secrets }: KkiSettings): ReadSecret {
  let kept: Record<string, string> = {}
  let readAt = Number.NEGATIVE_INFINITY
  return async ({ page }) => {
    if (performance.now() - readAt < secretKeptMs) return kept
    try {
      kept = (await secrets.read(credentialsSecret)) ?? {}
    } catch (error) {
      throw asKkiError(error, 'the module has no secret', page)
    }
    readAt = performance.now()
    return kept
  }
}

/** Sends a request through the integrator's module, where there is one. */
async function exchangeSigned(
  { module, maxBodyBytes }: KkiSettings,
  readSecret: ReadSecret,
  http: KkiHttp,
  request: BareRequest,
  context: CallContext
): Promise<HttpAnswer> {
  const call = (one: Pick<HttpCall, 'method' | 'url' | 'headers' | 'body'>): HttpCall => ({
    ...one,
    route: request.route,
    maxBodyBytes,
    signal: context.signal,
    context
  })
  if (module === null) return http.send(call(request))
  const secret = await readSecret(context)
  const { method, url, headers, body = null } = request
  const signed: ModuleRequest = await module.sign({ method, url: url.href, headers, body }, secret)
  const answer = await http.send(
    call({
      method: signed.method,
      url: new URL(signed.url),
      headers: signed.headers,
      ...(signed.body !== null && { body: signed.body })
    })
  )
  if (answer.status < 200 || answer.status > 299) return answer
  return { ...answer, body: await module.open(answer, signed, secret) }
}

/** Throws what an answer without rows means. */
function refuse({ baseUrl }: KkiSettings, { answer, judged }: Exchange, { page }: CallContext): void {
  const { status } = answer
  const { means, fault } = judged
  if (means === 'rows' || means === 'noRows') return
  answer.release()
  if (means === 'tryLater') {
    if (fault === null || isRetryable(status)) throw statusFailure(answer)
    throw new AttemptFailed({ kind: 'outage', problem: `answers ${status} and reports a fault ${fault}`, status })
  }
  const why = fault === null ? `with status ${status}` : `with status ${status} and a fault ${fault}`
  throw new KkiRefused(`KKI at ${baseUrl.origin} refused the request ${why}`, { status, page })
}

/**
 * Windows, watermarks and the limit for a record's time of change follow KKI's clock, so every page is checked: behind one
 * address may be machines whose clocks differ, or a cache that answers with an old page.
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
