import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { recordAudit } from '../audit/record.ts'
import type { Identity } from '../identity/keys.ts'
import { revealNik } from '../privacy/reveal.ts'
import { callerOf } from './caller.ts'
import { IdParams, problems, Reason } from './schemas.ts'

/** Showing an identity number to somebody who may see it, and says why. */
export const revealRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity }) => {
  app.post('/v1/health-workers/:id/reveal', {
    onRequest: app.requireScope('registry:reveal'),
    config: { shows: (_answer, request) => ({ people: [(request.params as { id: number }).id] }) },
    schema: {
      tags: ['registry'],
      summary: 'Show the NIK of a health worker',
      description: 'Audited, with the reason. The answer is not to be kept.',
      params: IdParams,
      body: Type.Object({ reason: Reason }, { additionalProperties: false, title: 'Reveal' }),
      response: {
        200: Type.Object({ nik: Type.String({ pattern: '^\\d{16}$' }) }, { title: 'Revealed' }),
        ...problems
      }
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const { reason } = request.body
      // Committed before it is answered: nobody sees a number without a trace of it.
      const nik = await app.database.withTransaction(async client => {
        const revealed = await revealNik(client, identity, id)
        const detail = { healthWorkerId: id, reason }
        await recordAudit(client, { ...callerOf(request), action: 'health_worker.nik_revealed', detail })
        return revealed
      })
      return reply.header('cache-control', 'no-store').send({ nik })
    }
  })
}
