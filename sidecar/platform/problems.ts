import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { SdmkError } from '../errors.ts'
import { instantForm } from './instant.ts'
import { isOutage } from './outage.ts'
import { Problem, type ProblemBody, type ProblemCode, problemStatus } from './problem.ts'
import { codeText, preferredLanguage } from './problem-texts.ts'

/** Answers every error and every unknown URL with an RFC 9457 problem; internal causes appear only in the log. */
export default fp(
  async function problemsPlugin(app) {
    // Read now, so that a missing catalogue fails the start and not the first answer that needs it.
    codeText('INTERNAL_ERROR', 'en')
    app.setErrorHandler<FastifyError | Error>((error, request, reply) => {
      const problem = toProblem(error)
      if (problemStatus[problem.code] >= 500) request.log.error({ err: error }, 'a request failed')
      return sendProblem(request, reply, problem)
    })
    app.setNotFoundHandler((request, reply) =>
      sendProblem(request, reply, new Problem('NOT_FOUND', 'No route matches this address and method.'))
    )
  },
  { name: 'problems', fastify: '5.x', dependencies: ['request-id'] }
)

/** Sends a problem as the answer, with its title in the reader's language. */
export function sendProblem(request: FastifyRequest, reply: FastifyReply, problem: Problem): FastifyReply {
  const language = preferredLanguage(request.headers['accept-language'])
  const status = problemStatus[problem.code]
  const body: ProblemBody = {
    ...problem.extensions,
    type: `urn:sdmk:problem:${problem.code}`,
    title: codeText(problem.code, language)?.title ?? problem.code,
    status,
    ...(problem.message !== '' && { detail: problem.detail[language] }),
    code: problem.code,
    requestId: request.id
  }
  if (status === 401) reply.header('www-authenticate', 'Bearer')
  if (status === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', retryAfterSeconds)
  // Sent as text, because a route's response schema would drop members that it does not list.
  return reply
    .code(status)
    .header('content-language', language)
    .type('application/problem+json; charset=utf-8')
    .serializer((payload: unknown) => JSON.stringify(payload))
    .send(body)
}

/** A failover of the database or a restart takes some seconds; sooner there is nothing to gain. */
const retryAfterSeconds = 5

function toProblem(error: FastifyError | Error): Problem {
  if (error instanceof Problem) return error
  if ('validation' in error && error.validation) return validationProblem(error)
  if (error instanceof SdmkError) {
    const code = error.code.replace(/^SDMK_/, '')
    if (code in problemStatus) return new Problem(code as ProblemCode, error.message)
  }
  if (isOutage(error)) {
    return new Problem('DATABASE_UNAVAILABLE', {
      en: 'The request was not answered, since the database was away. Send it again later.',
      id: 'Permintaan tidak terjawab karena basis data tidak tersedia. Kirim lagi nanti.'
    })
  }
  const status = 'statusCode' in error ? (error.statusCode ?? 500) : 500
  if (status === 404) return new Problem('NOT_FOUND', detailOf(error))
  if (status === 429) return new Problem('RATE_LIMITED', detailOf(error))
  // Errors of Fastify itself: a body that is not JSON, is too large, or has an unsupported type.
  if (status >= 400 && status < 500) return new Problem('VALIDATION_FAILED', detailOf(error))
  return new Problem('INTERNAL_ERROR', 'The request failed inside the service; its log has the reason.')
}

/** Messages of Fastify and its plugins describe only the request; those of other libraries may quote any input. */
function detailOf(error: Error): string {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && code.startsWith('FST_') ? error.message : ''
}

function validationProblem(error: FastifyError): Problem {
  const part = error.validationContext ?? 'body'
  const errors = (error.validation ?? []).map(({ instancePath, keyword, params, message }) => {
    const missing = keyword === 'required' ? `/${params.missingProperty}` : ''
    const unknown = keyword === 'additionalProperties' ? `/${params.additionalProperty}` : ''
    const allowed = Array.isArray(params.allowedValues) ? `: ${params.allowedValues.join(', ')}` : ''
    const text = params.format === 'date-time' ? `must be ${instantForm}` : (message ?? 'is not valid')
    return { field: `/${part}${instancePath}${missing}${unknown}`, message: `${text}${allowed}` }
  })
  const fields = [...new Set(errors.map(({ field }) => field))].join(', ')
  return new Problem('VALIDATION_FAILED', `Not valid: ${fields}`, { errors })
}
