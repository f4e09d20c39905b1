import type { FastifyRequest } from 'fastify'
import type { Caller } from '../audit/record.ts'

/** Returns who sent the request, for audit events. */
export function callerOf(request: FastifyRequest): Caller {
  return {
    actor: request.actor?.name ?? 'unknown',
    apiKeyId: request.actor?.keyId ?? null,
    role: request.actor?.role ?? null,
    requestId: request.id,
    traceId: request.traceId
  }
}

/** Returns `operator` if the request was signed for an operator, and `api` for a request of the program itself. */
export function triggerOf(request: FastifyRequest): 'api' | 'operator' {
  return request.signed ? 'operator' : 'api'
}
