import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../platform/problem.ts'
import { readRejections } from '../review/read.ts'
import { type Batch, batchColumns, batchTables, readBatch } from '../sync/batch.ts'
import { toBatchBody } from './bodies.ts'
import { RejectionSchema, showsRejectionPage } from './rejections.ts'
import { BatchSchema, closed, Id, IdParams, nullable, PageQuery, pageOf, problems } from './schemas.ts'

/** Batches and their rejected rows, read only. */
export const batchRoutes: FastifyPluginAsyncTypebox = async app => {
  const pool = () => app.database.pool

  app.get('/v1/batches', {
    onRequest: app.requireScope('runs:read'),
    schema: {
      tags: ['runs'],
      summary: 'List batches, newest first',
      querystring: Type.Object(
        {
          state: Type.Optional(BatchSchema.properties.state),
          traceId: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
          before: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
          limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 })
        },
        closed
      ),
      response: { 200: Type.Object({ items: Type.Array(BatchSchema), next: nullable(Id) }), ...problems }
    },
    handler: async request => {
      const { state, traceId, before, limit } = request.query
      const { rows } = await pool().query<Batch>(
        `select ${batchColumns} from ${batchTables}
        where ($1::bigint = 0 or b.id < $1) and ($2::text is null or b.state = $2) and ($3::text is null or b.trace_id = $3)
        order by b.id desc limit $4`,
        [before, state ?? null, traceId ?? null, limit + 1]
      )
      const items = rows.slice(0, limit).map(toBatchBody)
      return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null }
    }
  })

  app.get('/v1/batches/:id', {
    onRequest: app.requireScope('runs:read'),
    schema: { tags: ['runs'], summary: 'Show a batch', params: IdParams, response: { 200: BatchSchema, ...problems } },
    handler: async request => {
      const batch = await readBatch(pool(), request.params.id)
      if (!batch) throw new Problem('NOT_FOUND', `There is no batch ${request.params.id}.`)
      return toBatchBody(batch)
    }
  })

  app.get('/v1/batches/:id/rejections', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsRejectionPage },
    schema: {
      tags: ['runs'],
      summary: 'List the rows that a batch rejected, with page and row',
      params: IdParams,
      querystring: PageQuery,
      response: { 200: pageOf(RejectionSchema), ...problems }
    },
    handler: async request => {
      const { id } = request.params
      if (!(await readBatch(pool(), id))) throw new Problem('NOT_FOUND', `There is no batch ${id}.`)
      return readRejections(pool(), { batchId: id }, request.query)
    }
  })
}
