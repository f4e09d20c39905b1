import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Shown } from '../audit/disclosures.ts'
import { type ReviewRejection, readRejections } from '../review/read.ts'
import { rejectionCodes } from '../transform/codes.ts'
import { closed, Id, Instant, nullable, PageQuery, pageOf, problems } from './schemas.ts'

export const RejectionSchema = Type.Object(
  {
    id: Id,
    source: Type.Enum(['kki', 'sdmk'], { description: 'sdmk: a row of an imported file' }),
    code: Type.Enum(rejectionCodes),
    state: Type.Enum(['open', 'resolved', 'dismissed', 'cleared']),
    urgent: Type.Boolean({ description: 'a deactivation that may concern a known person' }),
    strNumber: nullable(Type.String()),
    profession: nullable(Type.String()),
    problems: Type.Array(
      Type.Object({
        instancePath: Type.String({ description: 'JSON pointer into the row as KKI sent it' }),
        params: Type.Record(Type.String(), Type.Unknown())
      })
    ),
    rule: Type.Union([Type.Integer(), Type.Null()], { description: 'rule of the matching table that rejected it' }),
    candidates: Type.Array(Id, { description: 'people that the row may belong to' }),
    seenCount: Type.Integer({ minimum: 1 }),
    firstSeenAt: Instant,
    lastSeenAt: Instant,
    firstBatchId: Id,
    lastBatchId: Id,
    decidedAt: nullable(Instant),
    decidedBy: nullable(Type.String()),
    decisionReason: nullable(Type.String()),
    closedByBatchId: Type.Union([Id, Type.Null()], {
      description: 'the batch that received a valid row instead, or that applied the decision'
    }),
    occurrences: Type.Array(
      Type.Object({ batchId: Id, page: Type.Integer(), pageRow: Type.Integer(), rowNo: Type.Integer() })
    )
  },
  { title: 'Rejection' }
)

type Listed = Pick<ReviewRejection, 'id' | 'candidates'>

/** Returns the disclosed people: the candidates, and the rejection itself, because its row may name an unmatched person. */
export const showsRejection = ({ id, candidates }: Listed): Shown => ({ rejections: [id], people: candidates })
export const showsRejectionPage = ({ items }: { items: Listed[] }): Shown => ({
  rejections: items.map(({ id }) => id),
  people: items.flatMap(({ candidates }) => candidates)
})

/** The review queue of rejected rows. */
export const rejectionRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/v1/rejections', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsRejectionPage, readsStandby: true },
    schema: {
      tags: ['rejections'],
      summary: 'List rejected rows',
      querystring: Type.Interface(
        [PageQuery],
        {
          state: Type.Optional(RejectionSchema.properties.state),
          code: Type.Optional(RejectionSchema.properties.code),
          urgent: Type.Optional(Type.Boolean())
        },
        closed
      ),
      response: { 200: pageOf(RejectionSchema), ...problems }
    },
    handler: async (request, reply) =>
      app.readFromStandby(reply, connection => readRejections(connection, request.query, request.query))
  })
}
