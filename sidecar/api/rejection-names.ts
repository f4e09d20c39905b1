import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Shown } from '../audit/disclosures.ts'
import { RequestInvalid } from '../errors.ts'
import { findRejectionsByName, type RejectionNames, readRejectionNames } from '../review/names.ts'
import type { ReviewContext } from '../sync/open-rejections.ts'
import { nameKey } from '../transform/name.ts'
import { deny } from './deny.ts'
import { RejectionSchema } from './rejections.ts'
import { closed, Id, nullable, problems } from './schemas.ts'

const mostNamed = 100
const mostFound = 1000

const NamesSchema = Type.Object(
  {
    id: Id,
    name: nullable(
      Type.String({
        description:
          'the name in the latest row; null if the row has none or was deleted, or if its person is restricted'
      })
    ),
    candidates: Type.Array(Type.Object({ id: Id, name: Type.String() }), {
      description: 'people that the row may belong to, without those whose data is restricted'
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

/** Names in rejected rows, for lists that do not store them. Both routes are a POST, so that no name appears in a URL. */
export const rejectionNameRoutes: FastifyPluginAsyncTypebox<RejectionNameRoutesOptions> = async (app, { review }) => {
  const read = { onRequest: app.requireScope('registry:read') }
  const tags = ['rejections']

  app.post('/v1/rejections/names', {
    ...read,
    config: { shows: showsNames },
    schema: {
      tags,
      summary: 'Show the names in rejected rows, and the names of people that the rows may belong to',
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
      summary: 'Find rejected rows by the name in the row, or by the name of a person that the row may belong to',
      description:
        'Each word must begin a word of the name, in any order and case, with or without titles. The newest rows come first. If the present mapping cannot read rows, only the newest 2,000 of them are searched.',
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
      // A text of only titles and punctuation would match every name.
      if (key === '') deny(new RequestInvalid('name', 'must hold more than titles and signs'))
      return { items: await findRejectionsByName(app.database.pool, review, { nameKey: key, state }, limit) }
    }
  })
}
