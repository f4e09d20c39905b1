import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { readNotListed } from '../registry/not-listed.ts'
import { Id, Instant, PageQuery, pageOf, problems } from './schemas.ts'

const NotListedSchema = Type.Object(
  {
    registrationId: Id,
    healthWorkerId: Id,
    strNumber: Type.String(),
    profession: Type.String(),
    status: Type.String(),
    missedRuns: Type.Integer({ minimum: 2, description: 'full runs in a row that did not show it' }),
    firstMissedAt: Instant,
    lastMissedAt: Instant,
    lastBatchId: Id
  },
  { title: 'NotListedRegistration' }
)

/** Registrations that KKI no longer lists. */
export const registrationRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/v1/registrations/not-listed', {
    onRequest: app.requireScope('registry:read'),
    config: {
      shows: ({ items }: { items: { healthWorkerId: number }[] }) => ({
        people: items.map(({ healthWorkerId }) => healthWorkerId)
      }),
      readsStandby: true
    },
    schema: {
      tags: ['registry'],
      summary: 'List registrations that full runs no longer show',
      description:
        'Registrations that two full runs in a row did not show. They stay unchanged until an operator has asked KKI.',
      querystring: PageQuery,
      response: { 200: pageOf(NotListedSchema), ...problems }
    },
    handler: async (request, reply) =>
      app.readFromStandby(reply, connection => readNotListed(connection, request.query))
  })
}
