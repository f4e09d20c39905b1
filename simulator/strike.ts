import { setTimeout as delay } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Target } from './faults.ts'
import { sendProblem } from './problems.ts'
import type { SimulatorState } from './state.ts'

/** Returns a hook that lets queued faults strike before a request is looked at. */
export function strikeBefore(state: SimulatorState, on: Target) {
  const { clock, faults, stats, tokens, closing } = state
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    if (faults.strike('expire-tokens', on)) tokens.expireAccessTokens()
    if (faults.strike('revoke-refresh', on)) tokens.revokeRefreshTokens()
    const date = faults.strike('date', on)
    if (date?.text === '') {
      reply.raw.sendDate = false
      reply.removeHeader('date')
    } else if (date !== null) {
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
    const refusal = faults.strike('status', on)
    if (refusal === null) return undefined
    if (refusal.location !== undefined) reply.header('location', refusal.location)
    if (refusal.retryAfter !== undefined) reply.header('retry-after', refusal.retryAfter)
    return sendProblem(reply, refusal.status, 'The simulator was told to answer so.')
  }
}

/** Returns method and route of a request, as the statistics name it. */
export function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'elsewhere'}`
}

/** Hands the headers set so far to Node's own response, for replies that are written past Fastify. */
export function copyHeaders(reply: FastifyReply): void {
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (value !== undefined) reply.raw.setHeader(name, value)
  }
}
