import { AttemptFailed } from './attempt.ts'
import type { Authentication } from './description.ts'
import { KkiBodyTooLarge } from './errors.ts'
import { type HttpAnswer, type HttpCall, isSuccess, type KkiHttp } from './http.ts'
import { endpoint } from './options.ts'
import { bodyOf } from './request.ts'
import { isRetryable, statusFailure } from './status.ts'
import { parseTokenAnswer, type TokenPair } from './token-pair.ts'
import type { CallContext } from './types.ts'

/** The kinds of authentication that request a token. */
export type TokenAuthentication = Extract<Authentication, { type: 'oauth2' | 'session' }>

export type Grant = { type: 'client_credentials' } | { type: 'refresh_token'; refreshToken: string } | { type: 'login' }

/** The result of a token request: `denied` is KKI's decision, `failed` means that there was no decision. */
export type GrantOutcome =
  | { result: 'ok'; pair: TokenPair }
  | { result: 'denied'; status: number; reason: string }
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
 * Requests a token from KKI, once.
 * @throws only the reason of an aborted signal.
 */
export async function requestGrant(
  http: KkiHttp,
  { baseUrl, authentication }: { baseUrl: URL; authentication: TokenAuthentication },
  grant: Grant,
  secret: Record<string, string>,
  context: CallContext
): Promise<GrantOutcome> {
  const askedAt = Date.now()
  const url = endpoint(baseUrl, authentication.path)
  let answer: HttpAnswer
  try {
    answer = await http.send({
      method: 'POST',
      route: authentication.path,
      ...(authentication.type === 'oauth2'
        ? oauthCall(url, authentication, grant, secret)
        : loginCall(url, authentication, secret)),
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
  if (!isSuccess(answer.status)) return { result: 'denied', status: answer.status, reason: reasonOf(answer) }
  const pair = parseTokenAnswer(answer.body, askedAt, authentication)
  if (pair !== null) return { result: 'ok', pair }
  // Many APIs answer a wrong password with status 200. A repetition could lock the account.
  return authentication.type === 'session'
    ? { result: 'denied', status: 401, reason: `${answer.status} without a token at ${authentication.token}` }
    : unusable('answered a token request with something other than a bearer token')
}

type Call = Pick<HttpCall, 'url' | 'headers' | 'body'>

function oauthCall(
  url: URL,
  { credentialsIn, parameters = {}, parametersIn = 'body' }: Extract<TokenAuthentication, { type: 'oauth2' }>,
  grant: Grant,
  { clientId = '', clientSecret = '' }: Record<string, string>
): Call {
  const form = new URLSearchParams()
  const headers: Record<string, string> = {
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json'
  }
  if (grant.type === 'refresh_token') {
    form.set('grant_type', 'refresh_token')
    form.set('refresh_token', grant.refreshToken)
  } else {
    const target = parametersIn === 'query' ? url.searchParams : form
    target.set('grant_type', 'client_credentials')
    for (const [name, value] of Object.entries(parameters)) target.set(name, value)
  }
  if (credentialsIn === 'body') {
    form.set('client_id', clientId)
    form.set('client_secret', clientSecret)
  } else {
    // RFC 6749, section 2.3.1: both are form-encoded first.
    headers.authorization = `Basic ${basic(formEncode(clientId), formEncode(clientSecret))}`
  }
  return { url, headers, body: form.toString() }
}

function loginCall(
  url: URL,
  template: Extract<TokenAuthentication, { type: 'session' }>,
  { username = '', password = '' }: Record<string, string>
): Call {
  const { body, headers } = bodyOf(template, { username, password })
  return { url, headers: { ...headers, accept: 'application/json' }, ...(body !== undefined && { body }) }
}

/** Returns the credentials of HTTP Basic, without the scheme. */
export function basic(username: string, password: string): string {
  return Buffer.from(`${username}:${password}`).toString('base64')
}

function formEncode(text: string): string {
  return new URLSearchParams({ a: text }).toString().slice(2)
}

function unusable(problem: string): GrantOutcome {
  return { result: 'failed', failure: new AttemptFailed({ kind: 'contract', problem }) }
}

/** Only codes of RFC 6749 are repeated, because other text of the answer may contain the request. */
function reasonOf({ status, body }: HttpAnswer): string {
  try {
    const { error } = JSON.parse(body.toString()) as { error?: unknown }
    return typeof error === 'string' && oauthErrors.has(error) ? `${status} ${error}` : `${status}`
  } catch {
    return `${status}`
  }
}
