import type { FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Caller, recordAudit } from '../audit/record.ts'
import { callerOf } from './caller.ts'

/** No valid key, a key without the scope, too many requests. */
const deniedStatus = new Set([401, 403, 429])
const minuteMs = 60_000
/** Anyone can send requests from many addresses; addresses beyond this number share one event. */
const mostSubjects = 100
/** Routes that one event names; further routes are only counted. */
const mostRoutes = 20

interface Refusals {
  /** From the first request: its caller, and the request and trace ids to look for in the log. */
  caller: Caller
  address: string | null
  since: Date
  count: number
  byStatus: Record<string, number>
  routes: Set<string>
}

export interface DeniedRequestsOptions {
  intervalMs?: number
}

/**
 * Audits denied requests: one event per minute for each key, or for each address without a key, with counts. The counts
 * are kept in memory and written every minute and when the app closes, so that an attack does not fill the audit.
 */
export default fp<DeniedRequestsOptions>(
  async function refusalsPlugin(app, { intervalMs = minuteMs }) {
    let pending = new Map<string, Refusals>()
    let flushing = Promise.resolve()

    app.addHook('onResponse', async (request, reply) => {
      if (deniedStatus.has(reply.statusCode)) note(request, reply)
    })

    function note(request: FastifyRequest, reply: FastifyReply) {
      const wanted = request.actor ? `key ${request.actor.keyId} ${request.actor.name}` : `address ${request.ip}`
      const isKept = pending.has(wanted) || pending.size < mostSubjects
      const subject = isKept ? wanted : 'others'
      let refusals = pending.get(subject)
      if (!refusals) {
        const caller =
          request.actor && isKept
            ? callerOf(request)
            : { ...callerOf(request), actor: 'unknown', apiKeyId: null, role: null }
        const address = request.actor || !isKept ? null : request.ip
        refusals = { caller, address, since: new Date(), count: 0, byStatus: {}, routes: new Set() }
        pending.set(subject, refusals)
      }
      refusals.count++
      refusals.byStatus[reply.statusCode] = (refusals.byStatus[reply.statusCode] ?? 0) + 1
      // The route's pattern and not the path: the caller chooses the path, which may contain anything.
      const route = `${request.method} ${request.routeOptions.url ?? 'unknown'}`
      if (refusals.routes.size < mostRoutes) refusals.routes.add(route)
    }

    async function flush() {
      if (pending.size === 0) return
      const written = pending
      pending = new Map()
      try {
        await app.database.withTransaction(async client => {
          for (const { caller, address, since, count, byStatus, routes } of written.values()) {
            const detail = { count, byStatus, since, routes: [...routes].sort(), ...(address !== null && { address }) }
            await recordAudit(client, { ...caller, action: 'access.denied', detail })
          }
        })
      } catch (error) {
        // Kept for the next attempt, unless the map would then grow without limit.
        if (pending.size === 0) pending = written
        app.log.warn(
          { err: error, events: written.size },
          'denied requests could not be audited; the next minute tries again'
        )
      }
    }

    const timer = setInterval(() => {
      flushing = flushing.then(flush)
    }, intervalMs)
    timer.unref()
    app.addHook('onClose', async () => {
      clearInterval(timer)
      await flushing.then(flush)
    })
  },
  { name: 'refusals', fastify: '5.x', dependencies: ['auth', 'database'] }
)
