import { randomUUID } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { Problem, type ProblemBody } from './problem.ts'
import { sendProblem } from './problems.ts'

/**
 * Answers a URL that is invalid before routing, such as `/%`. The answer does not repeat it, since it may contain
 * anything.
 */
export function answerBadAddress(_error: Error, request: FastifyRequest, reply: FastifyReply): void {
  // No hook has run, so the id's header is not set and the request would not be logged.
  request.log.info({ method: request.method, status: 400 }, 'a request with an invalid URL was denied')
  reply.header('x-request-id', request.id)
  sendProblem(request, reply, new Problem('VALIDATION_FAILED', 'The address of the request is not valid.'))
}

/** Denies a request without a host, as HTTP/1.1 requires (RFC 9112, section 3.2); Node's own answer has no request id. */
export async function requireHost(request: FastifyRequest): Promise<void> {
  if (request.raw.httpVersion === '1.1' && request.headers.host === undefined) {
    throw new Problem('VALIDATION_FAILED', 'The header Host is missing.')
  }
}

/**
 * Answers bytes that are not an HTTP request, or a request that did not end in time, and closes the connection. No request
 * exists whose id could be used, so the answer gets a new one.
 */
export function answerBrokenRequest(
  this: FastifyInstance,
  error: Error & { code?: string },
  socket: Pick<Socket, 'writable' | 'end' | 'destroy'>
): void {
  // The client has disconnected.
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const status = statusOf[error.code ?? ''] ?? 400
  const requestId = randomUUID()
  this.log.info({ request_id: requestId, status, reason: error.code }, 'an invalid request was denied')
  const problem: ProblemBody = {
    type: 'urn:sdmk:problem:VALIDATION_FAILED',
    title: STATUS_CODES[status] ?? 'Bad Request',
    status,
    code: 'VALIDATION_FAILED',
    requestId
  }
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${status} ${problem.title}`,
    'content-type: application/problem+json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`,
    'connection: close'
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

const statusOf: Record<string, number> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413
}
