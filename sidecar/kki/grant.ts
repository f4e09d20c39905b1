import { AttemptFailed } from './attempt.ts'
import { KkiBodyTooLarge } from './errors.ts'
import { type HttpAnswer, isSuccess, type KkiHttp } from './http.ts'
import { endpoint } from './options.ts'
import { isRetryable, statusFailure } from './status.ts'
import { parseTokenAnswer, type TokenPair } from './token-pair.ts'
import type { CallContext } from './types.ts'

/** The form fields of a token request. */
export type Grant =
  | { grant_type: 'client_credentials'; scope: string }
  | { grant_type: 'refresh_token'; refresh_token: string }

/** What became of a token request: `refused` is KKI's decision, `failed` says that there was none. */
export type GrantOutcome =
  | { result: 'ok'; pair: TokenPair }
  | { result: 'refused'; status: number; reason: string }
  | { result: 'failed'; failure: AttemptFailed }

/** A token answer has a few hundred bytes; this leaves room for long tokens. */
const maxTokenAnswerBytes = 64 * 1024

const oauthErrors = new Set([
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope'
])

/**
 * Asks KKI's token endpoint for a pair, once.
 * @throws only what is not KKI's doing: the reason of an aborted signal.
 * @see contracts/kki.openapi.yaml (issueToken)
 */
export async function requestGrant(
  http: KkiHttp,
  baseUrl: URL,
  fields: Grant & { client_id: string; client_secret: string },
  context: CallContext
): Promise<GrantOutcome> {
  const askedAt = Date.now()
  let answer: HttpAnswer
  try {
    answer = await http.send({
      method: 'POST',
      url: endpoint(baseUrl, '/oauth2/token'),
      route: '/oauth2/token',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams(fields).toString(),
      maxBodyBytes: maxTokenAnswerBytes,
      signal: context.signal,
      context
    })
  } catch (error) {
    if (error instanceof AttemptFailed) return { result: 'failed', failure: error }
    if (error instanceof KkiBodyTooLarge) return unusable('answered a token request with far too large a body')
    throw error
  }
  if (isRetryable(answer.status)) return { result: 'failed', failure: statusFailure(answer) }
  if (!isSuccess(answer.status)) return { result: 'refused', status: answer.status, reason: reasonOf(answer) }
  const pair = parseTokenAnswer(answer.body, askedAt)
  return pair === null
    ? unusable('answered a token request with something else than a bearer token')
    : { result: 'ok', pair }
}

function unusable(problem: string): GrantOutcome {
  return { result: 'failed', failure: new AttemptFailed({ kind: 'contract', problem }) }
}

/** Only words of RFC 6749 are repeated: whatever else the answer says may hold what was sent. */
function reasonOf({ status, body }: HttpAnswer): string {
  try {
    const { error } = JSON.parse(body.toString()) as { error?: unknown }
    return typeof error === 'string' && oauthErrors.has(error) ? `${status} ${error}` : `${status}`
  } catch {
    return `${status}`
  }
}
