import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Shown } from '../audit/disclosures.ts'
import { batchStates, isUnderWay } from '../batch-terms.ts'
import { type RejectionDetail, readRejection } from '../review/detail.ts'
import { dismissRejection, dismissRejections, reopenRejection } from '../review/dismiss.ts'
import { betweenBatches, previewResolution, type ResolveContext, resolveRejection } from '../review/resolve.ts'
import { type RetryContext, retryRejection, retryRejections } from '../review/retry.ts'
import type { Batch } from '../sync/batch.ts'
import type { ReviewCaller } from '../sync/open-rejections.ts'
import { reprocessSelected } from '../sync/reprocess.ts'
import { toBatchBody } from './bodies.ts'
import { callerOf, triggerOf } from './caller.ts'
import { deny } from './deny.ts'
import { HealthWorkerSchema } from './health-workers.ts'
import { RejectionSchema, showsRejection } from './rejections.ts'
import { BatchSchema, closed, Id, IdParams, Instant, nullable, problems, Reason } from './schemas.ts'
import { waitForBatch } from './wait.ts'

const RowPlace = { batchId: Id, rowNo: Id }
const Fields = Type.Array(Type.String())

const Text = nullable(Type.String())
const ReadingSchema = Type.Object({
  name: Type.String(),
  titlePrefix: Text,
  titleSuffix: Text,
  hasNik: Type.Boolean({ description: 'the row has a NIK; the comparisons show whether a candidate has the same one' }),
  birthPlace: Text,
  birthDate: Text,
  sex: Text,
  strNumber: Type.String(),
  profession: Type.String(),
  status: Type.String(),
  validUntil: Text
})

const DetailSchema = Type.Interface(
  [RejectionSchema],
  {
    rows: Type.Array(
      Type.Object({
        ...RowPlace,
        page: Type.Integer(),
        pageRow: Type.Integer(),
        settledByBatchId: Type.Union([Id, Type.Null()], {
          description:
            'the batch that applied a decision about the row, or received a valid row instead; null while the row is pending'
        }),
        row: Type.Unknown({
          description: 'as KKI sent it, with asterisks for long numbers; null if it was deleted after its retention'
        }),
        reading: Type.Union([ReadingSchema, Type.Null()], {
          description: 'the row in SDMK’s terms; null if the present mapping cannot read it'
        }),
        comparisons: Type.Array(Type.Object({ healthWorkerId: Id, agreed: Fields, similar: Fields, differed: Fields }))
      }),
      { description: 'pending and settled rows; there are several if people share an STR' }
    ),
    people: Type.Array(HealthWorkerSchema, {
      description:
        'people that the rows may belong to; for a closed rejection, with their values from before it was closed'
    }),
    decisions: Type.Array(
      Type.Object({
        id: Id,
        healthWorkerId: nullable(Id),
        healthWorkerName: nullable(Type.String({ description: 'also null if the data of the person is restricted' })),
        isNewPerson: Type.Boolean({ description: 'the decision was that the row belongs to a new person' }),
        batchId: nullable(Id),
        batchState: Type.Union([Type.Enum(batchStates), Type.Null()]),
        decidedBy: Type.String(),
        decidedAt: Instant,
        withdrawnAt: nullable(Instant)
      })
    ),
    retries: Type.Array(
      Type.Object({
        batchId: Id,
        answer: Type.Union([Type.Enum(['found', 'not_found', 'denied']), Type.Null()], {
          description: 'KKI’s answer about the STR; null until it has answered'
        }),
        answeredAt: nullable(Instant)
      })
    )
  },
  { title: 'RejectionDetail' }
)

const Owner = {
  healthWorkerId: Type.Union([Id, Type.Literal('new')], {
    description: 'a person of the registry, or `new` for a person that it does not have'
  }),
  row: Type.Optional(
    Type.Object(RowPlace, {
      ...closed,
      description: 'one of the rejection’s rows; required if its rows have different NIKs'
    })
  )
}

const HolderSchema = Type.Object({
  id: nullable(Id),
  name: nullable(Type.String({ description: 'null if the data of the person is restricted' }))
})
const ForeseenSchema = Type.Object(
  {
    outcome: Type.String({ description: 'the counter of the ledger that would count the row' }),
    codes: Type.Array(Type.String(), { description: 'why the row would be rejected again' }),
    licences: Type.Array(
      Type.Object({
        strNumber: Type.String(),
        profession: Type.String(),
        statusBefore: Text,
        statusAfter: Type.String(),
        holderBefore: Type.Union([HolderSchema, Type.Null()]),
        holderAfter: HolderSchema,
        isHarmful: Type.Boolean({ description: 'the licence would leave its holder, or would be deactivated' })
      }),
      { description: '`before` is null if the licence is new; a holder without id would be created' }
    ),
    people: Type.Array(
      Type.Object({
        id: nullable(Id),
        nameBefore: Text,
        nameAfter: Text,
        nik: Type.Enum(['none', 'same', 'added', 'removed', 'replaced']),
        licences: Type.Integer({ minimum: 0, description: 'after the decision' }),
        activeLicences: Type.Integer({ minimum: 0, description: 'after the decision' }),
        isHarmful: Type.Boolean({ description: 'the NIK of a known person would be replaced or removed' })
      })
    ),
    isHarmful: Type.Boolean({
      description: 'true if one of the licences or people would be harmed; the decision then needs a reason'
    }),
    planDigest: Type.String()
  },
  { title: 'RejectionResolutionForeseen' }
)
type ForeseenBody = Type.Static<typeof ForeseenSchema>

/** A decision may name a person who is not a candidate, so the people of decisions are listed too. */
const showsDetail = ({ id, people, candidates, decisions }: RejectionDetail): Shown => ({
  rejections: [id],
  people: [...candidates, ...people.map(person => person.id), ...decisions.flatMap(one => one.healthWorkerId ?? [])]
})

/** The people include every holder of a licence. A person without an id would be created. */
const showsForeseen = ({ people }: ForeseenBody, { params }: FastifyRequest): Shown => {
  const ids = people.flatMap(({ id }) => id ?? [])
  return { rejections: [(params as { id: number }).id], people: ids, unnamed: people.length - ids.length }
}

const limit = (maximum: number) => Type.Optional(Type.Integer({ minimum: 1, maximum, default: maximum }))
/** Selects the rejections of a bulk decision: by ids, or by code. */
const bulk = (maximum: number) => ({
  ids: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: maximum })),
  code: Type.Optional(RejectionSchema.properties.code),
  batchId: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'only rejections with a row in this batch'
    })
  ),
  after: Type.Optional(
    Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'the `next` of the call before' })
  ),
  limit: limit(maximum)
})
const Next = Type.Union([Id, Type.Null()], {
  description: 'pass as `after` to continue with the remaining rejections; null if none remain'
})
const RunId = Type.Union([Id, Type.Null()], {
  description: 'the run that does the work; null if there is nothing to do'
})
const Count = Type.Integer({ minimum: 0 })
const Retried = Type.Object(
  { runId: RunId, asked: Count, skipped: Type.Integer({ minimum: 0, description: 'without an STR' }), next: Next },
  { title: 'RetryOrder' }
)

/** Most rejections of one call. A retry has fewer, because KKI is asked for each of them. */
const mostDismissed = 1000
const mostRetried = 1000
const mostReprocessed = 10_000

type RoutesContext = RetryContext & ResolveContext

export interface ReviewRoutesOptions {
  review: Omit<RoutesContext, 'queue'>
}

/** Actions of people on rejected rows, one by one and in bulk. */
export const reviewRoutes: FastifyPluginAsyncTypebox<ReviewRoutesOptions> = async (app, options) => {
  // An app that is built only to describe its routes has no queue, and its handlers never run.
  const context = (): RoutesContext => ({ ...options.review, queue: app.queue })
  const decide = { onRequest: app.requireScope('rejections:write') }
  const tags = ['rejections']

  app.get('/v1/rejections/:id', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsDetail },
    schema: {
      tags,
      summary: 'Show a rejected row next to the people that it may belong to',
      params: IdParams,
      response: { 200: DetailSchema, ...problems }
    },
    handler: async request => readRejection(app.database.pool, context(), request.params.id)
  })

  app.post('/v1/rejections/:id/retry', {
    ...decide,
    schema: {
      tags,
      summary: 'Ask KKI again for the STR of a rejected row',
      params: IdParams,
      response: { 202: Retried, ...problems }
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const order = await app.database.withTransaction(client =>
        retryRejection(client, context(), id, callerFor(request))
      )
      return reply.code(202).send(order)
    }
  })

  app.post('/v1/rejections/retry', {
    ...decide,
    schema: {
      tags,
      summary: 'Ask KKI again for the STRs of open rejections',
      body: Type.Object(bulk(mostRetried), { ...closed, title: 'BulkRetry' }),
      response: { 202: Retried, ...problems }
    },
    handler: async (request, reply) => {
      const selection = { ...request.body, limit: request.body.limit ?? mostRetried }
      const order = await app.database.withTransaction(client =>
        retryRejections(client, context(), selection, callerFor(request))
      )
      return reply.code(202).send(order)
    }
  })

  app.post('/v1/rejections/:id/resolve/preview', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsForeseen },
    schema: {
      tags,
      summary: 'Preview a decision about a rejected row',
      description:
        'The preview lists licences that would change or move to another person, and NIKs that would change. It changes nothing. Send `planDigest` with the decision.',
      params: IdParams,
      body: Type.Object(Owner, { ...closed, title: 'RejectionResolutionPreview' }),
      response: { 200: ForeseenSchema, ...problems }
    },
    handler: async request => {
      const { id } = request.params
      const { digest, ...foreseen } = await betweenBatches(() =>
        app.database.withRollback(client => previewResolution(client, context(), id, request.body, callerFor(request)))
      ).catch(deny)
      return { ...foreseen, planDigest: digest }
    }
  })

  app.post('/v1/rejections/:id/resolve', {
    ...decide,
    config: { shows: ({ rejection }) => showsRejection(rejection) },
    schema: {
      tags,
      summary: 'Decide which person a rejected row belongs to',
      description:
        'The decision also applies to every later row with this STR and NIK. The answer is 202 if applying it takes longer than the answer may; read the batch to see when it is applied.',
      params: IdParams,
      body: Type.Object(
        {
          ...Owner,
          reason: Type.Optional(Reason),
          planDigest: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 100,
              description: 'from the preview; required if the preview has `isHarmful`'
            })
          )
        },
        { ...closed, title: 'RejectionResolution' }
      ),
      response: {
        200: Type.Object({ rejection: RejectionSchema, batch: BatchSchema }),
        202: Type.Object({ rejection: RejectionSchema, batch: BatchSchema }),
        ...problems
      }
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const { id: batchId } = await betweenBatches(() =>
        app.database.withTransaction(client =>
          resolveRejection(client, context(), id, request.body, callerFor(request))
        )
      ).catch(deny)
      const { batch, isDone } = await waitForBatch(app.database.pool, batchId, isAtRest)
      const rejection = await readRejection(app.database.pool, context(), id)
      return reply.code(isDone ? 200 : 202).send({ rejection, batch: toBatchBody(batch) })
    }
  })

  app.post('/v1/rejections/:id/dismiss', {
    ...decide,
    config: { shows: showsRejection },
    schema: {
      tags,
      summary: 'Dismiss a rejected row until it changes',
      params: IdParams,
      body: Type.Object({ reason: Reason }, { ...closed, title: 'RejectionDismissal' }),
      response: { 200: RejectionSchema, ...problems }
    },
    handler: async request => {
      const { id } = request.params
      await app.database.withTransaction(client =>
        dismissRejection(client, id, request.body.reason, callerFor(request))
      )
      return readRejection(app.database.pool, context(), id)
    }
  })

  app.post('/v1/rejections/:id/reopen', {
    ...decide,
    config: { shows: showsRejection },
    schema: {
      tags,
      summary: 'Put a dismissed row back into the queue',
      params: IdParams,
      body: Type.Object({ reason: Type.Optional(Reason) }, { ...closed, title: 'RejectionReopening' }),
      response: { 200: RejectionSchema, ...problems }
    },
    handler: async request => {
      const { id } = request.params
      await app.database.withTransaction(client => reopenRejection(client, id, request.body.reason, callerFor(request)))
      return readRejection(app.database.pool, context(), id)
    }
  })

  app.post('/v1/rejections/dismiss', {
    ...decide,
    schema: {
      tags,
      summary: 'Dismiss open rejections until their rows change',
      body: Type.Object({ ...bulk(mostDismissed), reason: Reason }, { ...closed, title: 'BulkDismissal' }),
      response: { 200: Type.Object({ dismissed: Count, next: Next }), ...problems }
    },
    handler: async request => {
      const { reason, ...selection } = request.body
      const { ids, next } = await app.database.withTransaction(client =>
        dismissRejections(client, { ...selection, limit: selection.limit ?? mostDismissed }, reason, callerFor(request))
      )
      return { dismissed: ids.length, next }
    }
  })

  app.post('/v1/rejections/reprocess', {
    ...decide,
    schema: {
      tags,
      summary: 'Reprocess the stored rows of open rejections with the present mapping',
      description: 'KKI is not asked. Use it after a change of the mapping, or of people in the registry.',
      body: Type.Object(bulk(mostReprocessed), { ...closed, title: 'Reprocessing' }),
      response: {
        202: Type.Object(
          {
            runId: RunId,
            rows: Count,
            purged: Type.Integer({
              minimum: 0,
              description: 'rows that were deleted after their retention; retry asks KKI for them'
            }),
            unfit: Type.Integer({
              minimum: 0,
              description: 'rows whose sealed value belongs to another row or field; they are omitted and audited'
            }),
            next: Next
          },
          { title: 'ReprocessingOrder' }
        ),
        ...problems
      }
    },
    handler: async (request, reply) => {
      const selection = { ...request.body, limit: request.body.limit ?? mostReprocessed }
      const order = await app.database.withTransaction(client =>
        reprocessSelected(client, context(), selection, callerFor(request))
      )
      return reply.code(202).send(order)
    }
  })
}

const isAtRest = ({ state }: Batch) => !isUnderWay(state)

function callerFor(request: FastifyRequest): ReviewCaller {
  return { ...callerOf(request), triggeredBy: triggerOf(request) }
}
