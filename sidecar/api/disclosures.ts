import type { FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { createDisclosureWriter, type DisclosureWriter, type Shown } from '../audit/disclosures.ts'
import { callerOf } from './caller.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Returns whose data an answer shows. Routes without it show no personal data. */
    // biome-ignore lint/suspicious/noExplicitAny: the answer of any route; its own schema types it.
    shows?: (answer: any, request: FastifyRequest) => Shown
  }
}

/**
 * Records the people and the recipient of each answer, before the answer is sent. If the disclosure cannot be stored, the
 * request fails and shows nothing. Concurrent answers share a statement.
 */
export default fp(
  async function disclosurePlugin(app) {
    let writer: DisclosureWriter | undefined
    app.addHook('preSerialization', async (request, reply, payload) => {
      const { shows } = request.routeOptions.config
      if (!shows || reply.statusCode >= 300 || request.method === 'HEAD') return payload
      writer ??= createDisclosureWriter(app.database.pool)
      const { url } = request.routeOptions
      const { id } = (request.params ?? {}) as { id?: number }
      const { reason } = (request.body ?? {}) as { reason?: string }
      await writer.record({
        ...callerOf(request),
        channel: `${request.method} ${url}`,
        reason: reason ?? null,
        batchId: url?.startsWith('/v1/batches/:id') ? (id ?? null) : null,
        ...shows(payload, request)
      })
      return payload
    })
  },
  { name: 'disclosure', fastify: '5.x', dependencies: ['auth'] }
)
