import { compileAnswers, type Evaluated } from './answer.ts'
import { AttemptFailed } from './attempt.ts'
import { KkiClockWrong, KkiDenied, KkiTokenDenied } from './errors.ts'
import type { HttpAnswer, HttpCall, KkiHttp } from './http.ts'
import type { ModuleRequest } from './module.ts'
import type { KkiSettings } from './options.ts'
import { type BareRequest, carry, compileRequests } from './request.ts'
import { asKkiError } from './secret-fault.ts'
import { isRetryable, statusFailure } from './status.ts'
import { type AccessToken, type Credentials, credentialsSecret } from './token.ts'
import type { CallContext, KkiPage, KkiQuery } from './types.ts'

/** A stored token may have been revoked meanwhile, and so may the next one; the number of attempts is limited. */
const tokensPerAttempt = 4

interface Exchange {
  answer: HttpAnswer
  evaluated: Evaluated
  url: URL
}

/**
 * Returns a function that requests one page once: token, request, whole body, parse. If KKI denies the token, it gets
 * another one and repeats the request. If KKI denies a token that was issued during this attempt, the denial is final,
 * unless it was the first one.
 *
 * It throws AttemptFailed for failures that may be temporary; KkiDenied, KkiClockWrong, KkiBodyTooLarge, KkiModuleFailed,
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
    const { answer, evaluated, url } = exchange
    const page =
      'strNumber' in query ? answers.toRecords(answer, evaluated) : answers.toPage(answer, evaluated, query, url)
    if (description.clock.from !== 'own') checkClock(settings, answer, page.sourceNow, context)
    return page
  }

  async function sendWithCredentials(query: KkiQuery, context: CallContext): Promise<Exchange> {
    const startedAt = Date.now()
    let token = await credentials.current(context)
    for (let tokens = 1; ; tokens++) {
      const exchange = await send(query, token, context)
      if (exchange.evaluated.means !== 'tokenDenied' || tokens === tokensPerAttempt) return exchange
      if (description.authentication.type === 'none' || (tokens > 1 && token.issuedAt >= startedAt)) return exchange
      exchange.answer.release()
      token = await credentials.replace(token, context)
    }
  }

  async function send(query: KkiQuery, token: AccessToken, context: CallContext): Promise<Exchange> {
    const request = requestFor(query)
    if (request === null) {
      throw new KkiDenied('the STR cannot be part of a path, so it was not requested', {
        status: 400,
        page: context.page
      })
    }
    carry(description.authentication, token.accessToken, request)
    const startedAt = performance.now()
    let status = 'error'
    try {
      const answer = await exchangeSigned(settings, readSecret, http, request, context)
      status = String(answer.status)
      return { answer, evaluated: answers.evaluate(answer), url: request.url }
    } catch (error) {
      if (context.signal.aborted) status = 'aborted'
      else if (error instanceof AttemptFailed && error.isTimeout) status = 'timeout'
      throw error
    } finally {
      settings.observer.onRequest?.({ status, seconds: (performance.now() - startedAt) / 1000 })
    }
  }
}

/** After this time a changed secret of a module is used. */
const secretKeptMs = 60_000

type ReadSecret = (context: CallContext) => Promise<Record<string, string>>

/** Returns a function that reads the source's secret, but not for each page, since the store may be a service. */
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

/** Sends a request through the integrator's module, if there is one. */
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

/** Throws the error for an answer without rows. */
function refuse({ baseUrl, description }: KkiSettings, { answer, evaluated }: Exchange, { page }: CallContext): void {
  const { status } = answer
  const { means, fault } = evaluated
  if (means === 'rows' || means === 'noRows') return
  answer.release()
  if (means === 'tryLater') {
    if (fault === null || isRetryable(status)) throw statusFailure(answer)
    throw new AttemptFailed({ kind: 'outage', problem: `answers ${status} and reports a fault ${fault}`, status })
  }
  const why = fault === null ? `with status ${status}` : `with status ${status} and a fault ${fault}`
  if (means === 'tokenDenied' && description.authentication.type !== 'none') {
    throw new KkiTokenDenied(`KKI at ${baseUrl.origin} denied a token that it had just issued, ${why}`, {
      status,
      page
    })
  }
  throw new KkiDenied(`KKI at ${baseUrl.origin} denied the request ${why}`, { status, page })
}

/**
 * Windows, watermarks and the limit for a record's time of change use KKI's clock, so every page is checked: one address may
 * have several machines with different clocks, or a cache that answers with an old page.
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
    `KKI at ${baseUrl.origin} reports the time ${new Date(sourceNow).toISOString()}, ${seconds} s ` +
      `${aheadMs > 0 ? 'ahead of' : 'behind'} our own clock; ${clockToleranceMs / 1000} s are allowed`,
    { page }
  )
}
