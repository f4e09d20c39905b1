import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Target } from './faults.ts'
import { sendProblem } from './problems.ts'
import type { Reply } from './shape/answer.ts'
import type { SimulatorState } from './state.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Milliseconds by which a fault moved the clock of this answer ahead. */
    clockAheadMs: number
  }
}

/** Returns a hook that applies queued faults before a request is handled. */
export function strikeBefore(state: SimulatorState, on: Target) {
  const { clock, faults, stats, authentication, closing, shape } = state
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (faults.strike('expire-tokens', on)) authentication.expireAccessTokens()
    if (faults.strike('revoke-refresh', on)) authentication.revokeRefreshTokens()
    const date = faults.strike('date', on)
    if (date?.text === '') {
      reply.raw.sendDate = false
      reply.removeHeader('date')
    } else if (date !== null) {
      request.clockAheadMs = (date.aheadSeconds ?? 0) * 1000
      reply.header('date', date.text ?? new Date(clock.now() + (date.aheadSeconds ?? 0) * 1000).toUTCString())
    }
    const slow = faults.strike('slow', on)
    if (slow !== null) await delay(slow.ms, undefined, { signal: closing.signal })
    if (faults.strike('down', on)) {
      stats.count(routeOf(request), 'down')
      reply.hijack()
      request.raw.destroy()
      return reply
    }
    if (faults.strike('refuse-client', on)) {
      return reply.code(401).send({ error: 'invalid_client', error_description: 'client authentication failed' })
    }
    const described = faults.strike('described', on)
    const said = described && shape.answers.fault(described.means, clock.now() + request.clockAheadMs)
    if (said !== null) return sendReply(reply, said)
    const refusal = faults.strike('status', on)
    if (refusal === null) return undefined
    if (refusal.status === 401) challenge(state, reply)
    if (refusal.location !== undefined) reply.header('location', refusal.location)
    if (refusal.retryAfter !== undefined) reply.header('retry-after', refusal.retryAfter)
    return sendProblem(reply, refusal.status, 'This fault was ordered from the simulator.')
  }
}

/** Denies a request without a valid token, in the form of the description, or with status 401. */
export function refuse(state: SimulatorState, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const said = state.shape.answers.fault('tokenDenied', state.clock.now() + request.clockAheadMs)
  if (said !== null) return sendReply(reply, said)
  challenge(state, reply)
  return sendProblem(reply, 401, 'The access token is missing, expired or revoked.')
}

function challenge({ authentication }: SimulatorState, reply: FastifyReply): void {
  if (authentication.challenge !== null) reply.header('www-authenticate', authentication.challenge)
}

export function sendReply(reply: FastifyReply, { status, body }: Reply): FastifyReply {
  return reply.code(status).type('application/json').send(body)
}

/** Returns method and route of a request, as in the statistics. */
export function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'elsewhere'}`
}

/** Copies the headers set so far to Node's response, for replies that are written without Fastify. */
export function copyHeaders(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value)
  }
}
