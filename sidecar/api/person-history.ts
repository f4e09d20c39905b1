import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { readHealthWorker, refuseUnread } from '../registry/health-workers.ts'
import { historyKinds, readHistory } from '../registry/history.ts'
import { Id, IdParams, Instant, nullable, problems } from './schemas.ts'

const EntrySchema = Type.Object(
  {
    at: Instant,
    kind: Type.Enum([...historyKinds]),
    by: Type.String({ description: 'who decided, approved the batch or started its run' }),
    reason: nullable(Type.String()),
    batch: nullable(Type.Object({ id: Id, kind: Type.String(), traceId: Type.String({ pattern: '^[0-9a-f]{32}$' }) })),
    undone: Type.Union(
      [Type.Object({ at: Instant, by: nullable(Type.String()), reason: nullable(Type.String()) }), Type.Null()],
      { description: 'when the batch was undone, or the decision withdrawn' }
    ),
    strNumber: nullable(Type.String()),
    profession: nullable(Type.String()),
    statusBefore: nullable(Type.String()),
    statusAfter: nullable(Type.String()),
    nameBefore: nullable(Type.String()),
    nameAfter: nullable(Type.String()),
    otherHealthWorkerId: Type.Union([Id, Type.Null()], {
      description: 'the former holder of a licence that moved, or its new holder'
    }),
    fields: Type.Array(Type.String(), { description: 'fields that changed' })
  },
  { title: 'HistoryEntry' }
)

const HistorySchema = Type.Object(
  {
    items: Type.Array(EntrySchema, { description: 'the latest first' }),
    isCut: Type.Boolean({ description: 'older entries are left out' })
  },
  { title: 'History' }
)

/** The history of a person's data: events, actors and reasons. */
export const personHistoryRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/v1/health-workers/:id/history', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: (_answer, request) => ({ people: [(request.params as { id: number }).id] }) },
    schema: {
      tags: ['registry'],
      summary: 'Show the history of a health worker',
      description:
        'Batches, decisions, corrections, disclosures of the NIK and privacy decisions, each with actor, time and reason. A licence that moved from one person to another is in the history of both.',
      params: IdParams,
      response: { 200: HistorySchema, ...problems }
    },
    handler: async request => {
      const { pool } = app.database
      const { id } = request.params
      if (!(await readHealthWorker(pool, id))) return refuseUnread(pool, id)
      return readHistory(pool, id)
    }
  })
}
