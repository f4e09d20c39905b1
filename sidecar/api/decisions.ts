import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { approveBatch } from '../sync/approve.ts'
import { type Batch, readBatch } from '../sync/batch.ts'
import { discardBatch } from '../sync/decide.ts'
import { PlanChanged } from '../sync/errors.ts'
import { orderUndo } from '../sync/undo-batch.ts'
import { toBatchBody } from './bodies.ts'
import { callerOf } from './caller.ts'
import { deny } from './deny.ts'
import { BatchSchema, IdParams, problems, Reason } from './schemas.ts'
import { waitForBatch } from './wait.ts'

/** Decisions of people about a whole batch: apply, discard, undo. */
export const decisionRoutes: FastifyPluginAsyncTypebox = async app => {
  app.post('/v1/batches/:id/apply', {
    onRequest: app.requireScope('runs:write'),
    schema: {
      tags: ['runs'],
      summary: 'Apply a held batch with the plan that was reviewed',
      description:
        'Send the `planDigest` of the batch. If the registry has changed since, the batch is planned again. If the new plan differs, the batch stays on hold, and the answer is PLAN_CHANGED with the new digest. The answer is 202 if applying takes longer than the answer may; read the batch to see when it is applied.',
      params: IdParams,
      body: Type.Object(
        { planDigest: Type.String({ minLength: 1, maxLength: 100 }), reason: Type.Optional(Reason) },
        { additionalProperties: false, title: 'BatchApproval' }
      ),
      response: { 200: BatchSchema, 202: BatchSchema, ...problems }
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const { planDigest, reason } = request.body
      const approval = { planDigest, caller: callerOf(request) }
      await app.database.withTransaction(client => approveBatch(client, app.queue, id, approval, reason)).catch(deny)
      const { batch, isDone } = await waitForBatch(
        app.database.pool,
        id,
        b => b.state !== 'held' || b.planDigest !== planDigest
      )
      if (batch.state === 'held' && isDone) deny(new PlanChanged(id, batch.planDigest))
      return reply.code(isDone ? 200 : 202).send(toBatchBody(batch))
    }
  })

  app.post('/v1/batches/:id/discard', {
    onRequest: app.requireScope('runs:write'),
    schema: {
      tags: ['runs'],
      summary: 'End a held batch without applying it',
      params: IdParams,
      body: Type.Object(
        {
          watermark: Type.Enum(['keep', 'advance'], {
            description:
              'keep: the next run fetches the window again. advance: the window counts as fetched; this has no effect if the window starts after the watermark, or if other batches of the run cover a part of it'
          }),
          reason: Reason
        },
        { additionalProperties: false, title: 'BatchDiscard' }
      ),
      response: { 200: BatchSchema, ...problems }
    },
    handler: async request => {
      const { id } = request.params
      await app.database.withTransaction(client => discardBatch(client, id, request.body, callerOf(request)))
      return toBatchBody((await readBatch(app.database.pool, id)) as Batch)
    }
  })

  app.post('/v1/batches/:id/undo', {
    onRequest: app.requireScope('runs:write'),
    schema: {
      tags: ['runs'],
      summary: 'Undo an applied batch',
      description:
        'Values that later batches, decisions or edits touched stay; `GET …/changes` lists them. The next run fetches the window again and is held for a person. The answer is 202 if the undo takes longer than the answer may.',
      params: IdParams,
      body: Type.Object({ reason: Reason }, { additionalProperties: false, title: 'BatchUndo' }),
      response: { 200: BatchSchema, 202: BatchSchema, ...problems }
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const { reason } = request.body
      await app.database.withTransaction(client =>
        orderUndo(client, app.queue, id, { reason, caller: callerOf(request) })
      )
      const { batch, isDone } = await waitForBatch(app.database.pool, id, b => b.state === 'undone')
      return reply.code(isDone ? 200 : 202).send(toBatchBody(batch))
    }
  })
}
