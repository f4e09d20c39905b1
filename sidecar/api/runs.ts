import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { walkKinds } from '../batch-terms.ts'
import { Problem } from '../platform/problem.ts'
import { cancelRun } from '../sync/cancel-run.ts'
import { createRun } from '../sync/run.ts'
import type { Mapping } from '../transform/mapping.ts'
import { readRun, readRuns } from './bodies.ts'
import { callerOf, triggerOf } from './caller.ts'
import { deny } from './deny.ts'
import { closed, Id, IdParams, Instant, nullable, problems, RunSchema, toDate } from './schemas.ts'

const RunRequestSchema = Type.Object(
  {
    mode: Type.Optional(Type.Enum(walkKinds, { default: 'incremental' })),
    professions: Type.Optional(
      Type.Array(Type.String({ pattern: '^[a-z][a-z0-9_]*$' }), { minItems: 1, maxItems: 200, uniqueItems: true })
    ),
    changedSince: Type.Optional(Instant),
    changedUntil: Type.Optional(Instant),
    apply: Type.Optional(
      Type.Enum(['auto', 'hold'], {
        default: 'auto',
        description: 'hold: nothing is applied before a person has approved it'
      })
    )
  },
  { additionalProperties: false, title: 'RunRequest' }
)

/** Routes that start, show and cancel runs. */
export const runRoutes: FastifyPluginAsyncTypebox<{ mapping: Mapping }> = async (app, { mapping }) => {
  app.post('/v1/runs', {
    onRequest: app.requireScope('runs:write'),
    schema: {
      tags: ['runs'],
      summary: 'Start a run',
      description:
        'Incremental: rows that changed since the last run. Window: rows that changed between two times. Full: all rows. The rows are split into batches, each planned and applied separately. A repeated request with the same Idempotency-Key returns the run that the first one started.',
      // ASCII: Node reads other header bytes as Latin-1, so one key would have two spellings.
      headers: Type.Object({ 'idempotency-key': Type.Optional(Type.String({ pattern: '^[\\x21-\\x7e]{1,200}$' })) }),
      body: RunRequestSchema,
      response: { 202: RunSchema, ...problems }
    },
    handler: async (request, reply) => {
      const { mode = 'incremental', professions, changedSince, changedUntil, apply } = request.body
      const run = { mode, professions, changedSince: toDate(changedSince), changedUntil: toDate(changedUntil), apply }
      const options = {
        triggeredBy: triggerOf(request),
        caller: callerOf(request),
        idempotencyKey: request.headers['idempotency-key']
      }
      const { runId } = await app.database
        .withTransaction(client => createRun(client, app.queue, mapping, run, options))
        .catch(deny)
      const body = await readRun(app.database.pool, runId)
      if (!body) throw new Problem('NOT_FOUND', 'The run no longer exists.')
      return reply.code(202).header('location', `/v1/runs/${runId}`).send(body)
    }
  })

  app.get('/v1/runs', {
    onRequest: app.requireScope('runs:read'),
    schema: {
      tags: ['runs'],
      summary: 'List runs, newest first',
      querystring: Type.Object(
        {
          before: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
          limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 })
        },
        closed
      ),
      response: { 200: Type.Object({ items: Type.Array(RunSchema), next: nullable(Id) }), ...problems }
    },
    handler: async request => {
      const { before, limit } = request.query
      const runs = await readRuns(app.database.pool, { before, limit: limit + 1 })
      const items = runs.slice(0, limit)
      return { items, next: runs.length > limit ? (items.at(-1)?.id ?? null) : null }
    }
  })

  app.get('/v1/runs/:id', {
    onRequest: app.requireScope('runs:read'),
    schema: { tags: ['runs'], summary: 'Show a run', params: IdParams, response: { 200: RunSchema, ...problems } },
    handler: async request => {
      const run = await readRun(app.database.pool, request.params.id)
      if (!run) throw new Problem('NOT_FOUND', `There is no run ${request.params.id}.`)
      return run
    }
  })

  app.post('/v1/runs/:id/cancel', {
    onRequest: app.requireScope('runs:write'),
    schema: {
      tags: ['runs'],
      summary: 'Cancel the batches of a run that are not applied yet',
      params: IdParams,
      response: { 200: RunSchema, ...problems }
    },
    handler: async request => {
      const { id } = request.params
      const cancelled = await app.database.withTransaction(client => cancelRun(client, id, callerOf(request)))
      app.syncMetrics.batchEnded('cancelled', cancelled)
      const run = await readRun(app.database.pool, id)
      if (!run) throw new Problem('NOT_FOUND', `There is no run ${id}.`)
      return run
    }
  })
}
