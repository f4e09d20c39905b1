import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Shown } from '../audit/disclosures.ts'
import { RequestInvalid } from '../errors.ts'
import { findRejectionsByName, type RejectionNames, readRejectionNames } from '../review/names.ts'
import type { ReviewContext } from '../sync/open-rejections.ts'
import { nameKey } from '../transform/name.ts'
import { refuse } from './deny.ts'
import { RejectionSchema } from './rejections.ts'
import { closed, Id, nullable, problems } from './schemas.ts'

const mostNamed = 100
const mostFound = 1000

const NamesSchema = Type.Object(
  {
    id: Id,
    name: nullable(
      Type.String({
        description: 'in the row that came last; null where it has none, is no longer kept, or its person is restricted'
      })
    ),
    candidates: Type.Array(Type.Object({ id: Id, name: Type.String() }), {
      description: 'people whom the row may concern, without those whose data is restricted'
    })
  },
  { title: 'RejectionNames' }
)

const showsNames = ({ items }: { items: RejectionNames[] }): Shown => ({
  rejections: items.map(({ id }) => id),
  people: items.flatMap(({ candidates }) => candidates.map(({ id }) => id))
})
const showsFound = ({ items }: { items: { id: number }[] }): Shown => ({ rejections: items.map(({ id }) => id) })

export interface RejectionNameRoutesOptions {
  review: Pick<ReviewContext, 'identity' | 'reader' | 'maxSkewSeconds'>
}

/** Names in rejected rows, for lists that store none. A POST each, so that no name stands in an address. */
export const rejectionNameRoutes: FastifyPluginAsyncTypebox<RejectionNameRoutesOptions> = async (app, { review }) => {
  const read = { onRequest: app.requireScope('registry:read') }
  const tags = ['rejections']

  app.post('/v1/rejections/names', {
    ...read,
    config: { shows: showsNames },
    schema: {
      tags,
      summary: 'Show the names in rejected rows, and of the people whom they may concern',
      body: Type.Object(
        { ids: Type.Array(Id, { minItems: 1, maxItems: mostNamed }) },
        { ...closed, title: 'RejectionNamesQuery' }
      ),
      response: { 200: Type.Object({ items: Type.Array(NamesSchema) }), ...problems }
    },
    handler: async request => ({ items: await readRejectionNames(app.database.pool, review, request.body.ids) })
  })

  app.post('/v1/rejections/search', {
    ...read,
    config: { shows: showsFound },
    schema: {
      tags,
      summary: 'Find rejected rows by the name in the row, or of a person whom it may concern',
      description:
        'Each word must begin a word of the name, in any order and case, with or without titles. Of the rows that the present mapping cannot read, the newest 2,000 are searched. The newest come first.',
      body: Type.Object(
        {
          name: Type.String({ minLength: 2, maxLength: 200 }),
          state: Type.Optional(RejectionSchema.properties.state),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: mostFound, default: mostFound }))
        },
        { ...closed, title: 'RejectionSearch' }
      ),
      response: {
        200: Type.Object({ items: Type.Array(Type.Object({ id: Id })) }),
        ...problems
      }
    },
    handler: async request => {
      const { name, state, limit = mostFound } = request.body
      const key = nameKey(name)
      // Nothing but titles and signs is the beginning of every name.
      if (key === '') refuse(new RequestInvalid('name', 'must hold more than titles and signs'))
      return { items: await findRejectionsByName(app.database.pool, review, { nameKey: key, state }, limit) }
    }
  })
}
