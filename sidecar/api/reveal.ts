import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { recordAudit } from '../audit/record.ts'
import type { Identity } from '../identity/keys.ts'
import { revealNik } from '../privacy/reveal.ts'
import { callerOf } from './caller.ts'
import { IdParams, problems, Reason } from './schemas.ts'

/** Shows an identity number to an operator who may see it and gives a reason. */
export const revealRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity }) => {
  app.post('/v1/health-workers/:id/reveal', {
    onRequest: app.requireScope('registry:reveal'),
    config: { shows: (_answer, request) => ({ people: [(request.params as { id: number }).id] }) },
    schema: {
      tags: ['registry'],
      summary: 'Show the NIK of a health worker',
      description: 'Audited, with the reason. Do not store the answer.',
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
      // The audit event is committed before the answer is sent, so that no number is shown without one.
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
