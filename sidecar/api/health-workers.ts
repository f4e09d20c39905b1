import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { Shown } from '../audit/disclosures.ts'
import { recordAudit } from '../audit/record.ts'
import type { Identity } from '../identity/keys.ts'
import { Problem } from '../platform/problem.ts'
import { editHealthWorker, isNikTaken } from '../registry/edit.ts'
import { NikTaken } from '../registry/errors.ts'
import {
  findByNik,
  type HealthWorker,
  readHealthWorker,
  refuseUnread,
  searchHealthWorkers
} from '../registry/health-workers.ts'
import { nameKeyOf, readCallerText } from '../registry/search/caller-text.ts'
import type { Sought } from '../registry/search/search.ts'
import { today } from '../sync/plan-and-apply.ts'
import { compileBirthPlaces } from '../transform/birth-place.ts'
import { compileBlankTest } from '../transform/blank.ts'
import type { Mapping } from '../transform/mapping.ts'
import { nikFault } from '../transform/nik.ts'
import { canonicalStr } from '../transform/str-number.ts'
import { callerOf } from './caller.ts'
import { refuse } from './deny.ts'
import type { LookUpNik } from './nik-lookup.ts'
import { Id, IdParams, Instant, nullable, pageOf, problems, Reason } from './schemas.ts'

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
    sourceAt: Type.Union([Instant, Type.Null()], { description: 'null: KKI has not told of it yet' }),
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
    hasNik: Type.Boolean({ description: 'a NIK is stored; no digit of it is told' }),
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
    caller: Type.Optional(
      Type.String({
        minLength: 2,
        maxLength: 200,
        description: 'what a caller says: an STR, a name, or both; instead of str and name'
      })
    ),
    str: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'in any spelling' })),
    name: Type.Optional(
      Type.String({
        minLength: 2,
        maxLength: 200,
        description: 'in any order and case, with or without titles; it may be misspelt, or lack a word'
      })
    ),
    after: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 }))
  },
  { additionalProperties: false, title: 'HealthWorkerSearch' }
)

const NikSearchSchema = Type.Object(
  { nik: Type.String({ pattern: '^\\d{16}$' }), reason: Reason },
  { additionalProperties: false, title: 'NikSearch' }
)

const orNull = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Optional(Type.Union([Type.Null(), schema]))
const Text = Type.String({ minLength: 1, maxLength: 400 })

const EditSchema = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 400, description: 'titles in it are taken off' })),
    titlePrefix: orNull(Text),
    titleSuffix: orNull(Text),
    nik: orNull(Type.String({ minLength: 1, maxLength: 64 })),
    birthPlace: orNull(Text),
    birthDate: orNull(Type.String({ format: 'date' })),
    sex: orNull(Type.Enum(['male', 'female'])),
    reason: Type.Optional(Reason)
  },
  { additionalProperties: false, minProperties: 1, title: 'HealthWorkerEdit' }
)

type Item = Pick<HealthWorker, 'id'>
const showsOne = ({ id }: Item): Shown => ({ people: [id] })
const showsPage = ({ items }: { items: Item[] }): Shown => ({ people: items.map(({ id }) => id) })

export interface HealthWorkerRoutesOptions {
  identity: Identity
  mapping: Mapping
  timeZone: string
  lookUpNik: LookUpNik
}

/** Finding, reading and editing people of the registry. Search is a POST, so that no identity number stands in an address. */
export const healthWorkerRoutes: FastifyPluginAsyncTypebox<HealthWorkerRoutesOptions> = async (
  app,
  { identity, mapping, timeZone, lookUpNik }
) => {
  const birthPlaceOf = compileBirthPlaces(mapping.birthPlaceAliases)
  const isBlank = {
    name: compileBlankTest(mapping, 'name'),
    titlePrefix: compileBlankTest(mapping, 'titlePrefix'),
    titleSuffix: compileBlankTest(mapping, 'titleSuffix'),
    birthPlace: compileBlankTest(mapping, 'birthPlace')
  }

  app.post('/v1/health-workers/search', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsPage },
    schema: {
      tags: ['registry'],
      summary: 'Find health workers by STR or name',
      description: 'The likeliest person comes first, and people who hardly fit are left out.',
      body: SearchSchema,
      response: { 200: pageOf(HealthWorkerSchema), ...problems }
    },
    handler: async (request, reply) => {
      const { after = 0, limit = 20, ...told } = request.body
      const sought = soughtBy(told)
      return app.readFromStandby(reply, connection => searchHealthWorkers(connection, sought, { after, limit }))
    }
  })

  app.post('/v1/health-workers/search-by-nik', {
    onRequest: app.requireScope('registry:search-nik'),
    config: { shows: showsPage },
    schema: {
      tags: ['registry'],
      summary: 'Find a health worker by NIK',
      description: 'Audited with the reason, whether somebody is found or not; limited for each key and hour.',
      body: NikSearchSchema,
      response: { 200: pageOf(HealthWorkerSchema), ...problems }
    },
    handler: async (request, reply) => {
      const { nik, reason } = request.body
      return lookUpNik(callerOf(request), reply, { reason }, async client => {
        const found = await findByNik(client, identity, nik)
        const items = found === null ? [] : [found]
        return {
          result: found === null ? 'missed' : 'found',
          foundIds: items.map(({ id }) => id),
          value: { items, next: null }
        }
      })
    }
  })

  app.get('/v1/health-workers/:id', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsOne },
    schema: {
      tags: ['registry'],
      summary: 'Show a health worker',
      params: IdParams,
      response: { 200: HealthWorkerSchema, ...problems }
    },
    handler: async (request, reply) => {
      const worker = await readHealthWorker(app.database.pool, request.params.id)
      if (!worker) return refuseUnread(app.database.pool, request.params.id)
      return reply.header('etag', `"${worker.version}"`).send(worker)
    }
  })

  app.patch('/v1/health-workers/:id', {
    onRequest: app.requireScope('registry:write'),
    config: { shows: showsOne },
    schema: {
      tags: ['registry'],
      summary: 'Set values of a health worker by hand',
      description:
        'They are SDMK’s own from then on: what KKI says differently is a warning. Null takes a value away, and KKI’s next one fills it. Needs the `ETag` of the answer that was read, as `If-Match`. A NIK needs a reason; its lookups are audited and limited.',
      params: IdParams,
      headers: Type.Object({ 'if-match': Type.Optional(Type.String({ pattern: '^"\\d{1,15}"$' })) }),
      body: EditSchema,
      response: { 200: HealthWorkerSchema, ...problems }
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const { reason, ...edit } = request.body
      const version = request.headers['if-match']
      if (version === undefined) throw new Problem('PRECONDITION_REQUIRED', 'If-Match is missing.')
      const { nik } = edit
      if (nik !== undefined && reason === undefined) {
        throw invalid('/body/reason', 'is required with a NIK')
      }
      if (typeof nik === 'string' && reason !== undefined && nikFault(nik) === null) {
        // Apart from the edit: a NIK that is taken undoes the edit, and its audit event must stay.
        const isTaken = await lookUpNik(callerOf(request), reply, { reason, healthWorkerId: id }, async client => {
          const value = await isNikTaken(client, identity, id, nik)
          return { result: value ? 'taken' : 'free', foundIds: [], value }
        })
        if (isTaken) throw new NikTaken()
      }
      const context = { identity, birthPlaceOf, isBlank, today: await today(app.database.pool, timeZone) }
      await app.database
        .withTransaction(async client => {
          const fields = await editHealthWorker(client, context, id, Number(version.slice(1, -1)), edit)
          const detail = { healthWorkerId: id, fields, ...(reason !== undefined && { reason }) }
          if (fields.length > 0) {
            client.notifyOdoo({ people: [id] })
            await recordAudit(client, { ...callerOf(request), action: 'health_worker.edited', detail })
          }
        })
        .catch(refuse)
      const worker = await readHealthWorker(app.database.pool, id)
      if (!worker) return refuseUnread(app.database.pool, id)
      return reply.header('etag', `"${worker.version}"`).send(worker)
    }
  })
}

/** @throws Problem where a search tells nothing that a person can be found by */
function soughtBy({ caller, str, name }: Pick<Static<typeof SearchSchema>, 'caller' | 'str' | 'name'>): Sought {
  if (caller === undefined && str === undefined && name === undefined) {
    throw invalid('/body', 'must have caller, str or name')
  }
  if (caller !== undefined) {
    if (str !== undefined || name !== undefined) throw invalid('/body/caller', 'goes without str and name')
    const { strNumbers, nameKey } = readCallerText(caller)
    if (strNumbers.length === 0 && nameKey === '') throw invalid('/body/caller', 'must hold more than titles and signs')
    return { strNumbers, nameKey: nameKey === '' ? null : nameKey, isEither: true }
  }
  const nameKey = name === undefined ? null : nameKeyOf(name)
  // Nothing but titles and signs is part of every name.
  if (nameKey === '') throw invalid('/body/name', 'must hold more than titles and signs')
  return { strNumbers: str === undefined ? null : [canonicalStr(str)], nameKey }
}

function invalid(field: string, message: string): Problem {
  return new Problem('VALIDATION_FAILED', `Not valid: ${field}`, { errors: [{ field, message }] })
}
