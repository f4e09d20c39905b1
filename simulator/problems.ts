import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'

/** Sends an RFC 9457 problem; `detail` says how the caller can fix it. */
export function sendProblem(reply: FastifyReply, status: number, detail: string): FastifyReply {
  const title = STATUS_CODES[status] ?? 'Error'
  return reply
    .code(status)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, status, detail }))
}
