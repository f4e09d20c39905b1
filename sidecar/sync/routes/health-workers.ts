import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { Problem } from '../../platform/problem.ts'
import { readHealthWorker, searchHealthWorkers } from '../../registry/health-workers.ts'
import type { Identity } from '../../registry/identity.ts'
import { nameKey } from '../../transform/name.ts'
import { Id, IdParams, Instant, nullable, pageOf, problems } from './schemas.ts'

const Day = nullable(Type.String({ format: 'date' }))
const Source = Type.Union(
  [Type.Object({ source: Type.Enum(['kki', 'sdmk']), at: Type.Optional(Instant) }), Type.Null()],
  { description: 'where the value came from, with KKI’s stamp' }
)

const RegistrationSchema = Type.Object(
  {
    id: Id,
    strNumber: Type.String(),
    strRaw: Type.String({ description: 'as KKI writes it' }),
    strFormat: Type.String(),
    profession: Type.String(),
    competence: nullable(Type.String()),
    status: Type.String(),
    sourceStatus: Type.String({ description: 'KKI’s own word' }),
    issuedOn: Day,
    validUntil: Day,
    isLifetime: Type.Boolean(),
    institution: nullable(Type.String()),
    graduationYear: nullable(Type.Integer()),
    province: nullable(Type.String()),
    sourceAt: Instant,
    match: Type.Object({
      rule: Type.Integer({ description: 'rule of the matching table that tied it to this person' }),
      agreed: Type.Array(Type.String()),
      similar: Type.Array(Type.String()),
      differed: Type.Array(Type.String())
    }),
    warnings: Type.Array(Type.String())
  },
  { title: 'Registration' }
)

export const HealthWorkerSchema = Type.Object(
  {
    id: Id,
    name: Type.String(),
    titlePrefix: nullable(Type.String()),
    titleSuffix: nullable(Type.String()),
    nikMasked: Type.Union([Type.String(), Type.Null()], { description: 'the last two digits only' }),
    birthPlace: nullable(Type.String()),
    birthDate: Day,
    sex: Type.Union([Type.Enum(['male', 'female']), Type.Null()]),
    sources: Type.Object({ name: Source, nik: Source, birthPlace: Source, birthDate: Source, sex: Source }),
    registrations: Type.Array(RegistrationSchema),
    version: Type.Integer(),
    updatedAt: Instant
  },
  { title: 'HealthWorker' }
)

const SearchSchema = Type.Object(
  {
    str: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'in any spelling' })),
    nik: Type.Optional(Type.String({ pattern: '^\\d{16}$' })),
    name: Type.Optional(
      Type.String({ minLength: 2, maxLength: 200, description: 'without titles; all of it, in any order' })
    ),
    after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 }))
  },
  { additionalProperties: false, title: 'HealthWorkerSearch' }
)

/** Finding and reading people of the registry. Search is a POST, so that no identity number stands in an address. */
export const healthWorkerRoutes: FastifyPluginAsyncTypebox<{ identity: Identity }> = async (app, { identity }) => {
  app.post('/v1/health-workers/search', {
    onRequest: app.requireScope('registry:read'),
    schema: {
      tags: ['registry'],
      summary: 'Find health workers by STR, NIK or name',
      body: SearchSchema,
      response: { 200: pageOf(HealthWorkerSchema), ...problems }
    },
    handler: async request => {
      const { str, nik, name, after = 0, limit = 20 } = request.body
      if (str === undefined && nik === undefined && name === undefined) {
        throw new Problem('VALIDATION_FAILED', 'Not valid: /body', {
          errors: [{ field: '/body', message: 'must have str, nik or name' }]
        })
      }
      const query = { strNumber: str, nik, nameKey: name === undefined ? undefined : nameKey(name) }
      return searchHealthWorkers(app.database.pool, identity, query, { after, limit })
    }
  })

  app.get('/v1/health-workers/:id', {
    onRequest: app.requireScope('registry:read'),
    schema: {
      tags: ['registry'],
      summary: 'Show a health worker',
      params: IdParams,
      response: { 200: HealthWorkerSchema, ...problems }
    },
    handler: async request => {
      const worker = await readHealthWorker(app.database.pool, request.params.id)
      if (!worker) throw new Problem('NOT_FOUND', `There is no health worker ${request.params.id}.`)
      return worker
    }
  })
}
