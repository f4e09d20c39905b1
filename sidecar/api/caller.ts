import type { FastifyRequest } from 'fastify'
import type { Caller } from '../audit/record.ts'

/** Returns who asks, for audit events. */
export function callerOf(request: FastifyRequest): Caller {
  return {
    actor: request.actor?.name ?? 'unknown',
    apiKeyId: request.actor?.keyId ?? null,
    role: request.actor?.role ?? null,
    requestId: request.id,
    traceId: request.traceId
  }
}

/** Returns whether an operator acts, through a program that speaks for them, or that program itself. */
export function triggerOf(request: FastifyRequest): 'api' | 'operator' {
  return request.signed ? 'operator' : 'api'
}
