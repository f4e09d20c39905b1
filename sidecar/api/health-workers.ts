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
import { deny } from './deny.ts'
import type { LookUpNik } from './nik-lookup.ts'
import { Id, IdParams, Instant, nullable, pageOf, problems, Reason } from './schemas.ts'

const Day = nullable(Type.String({ format: 'date' }))
const Source = Type.Union(
  [Type.Object({ source: Type.Enum(['kki', 'sdmk']), at: Type.Optional(Instant) }), Type.Null()],
  { description: 'the owner of the value, and KKI’s stamp for a value from KKI; null without a value' }
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
    sourceStatus: Type.String({ description: 'the status in KKI’s own word' }),
    issuedOn: Day,
    validUntil: Day,
    isLifetime: Type.Boolean(),
    institution: nullable(Type.String()),
    graduationYear: nullable(Type.Integer()),
    province: nullable(Type.String()),
    sourceAt: Type.Union([Instant, Type.Null()], { description: 'null: KKI has not sent this registration yet' }),
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
    hasNik: Type.Boolean({ description: 'a NIK is stored; no digit of it is sent' }),
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
        description: 'an STR, a name, or both in one text, as a caller says it; replaces str and name'
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
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 400, description: 'titles in it are removed' })),
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

/** Finding, reading and editing people of the registry. The search is a POST, so that no identity number appears in a URL. */
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
    config: { shows: showsPage, readsStandby: true },
    schema: {
      tags: ['registry'],
      summary: 'Find health workers by STR or name',
      description: 'The likeliest person comes first. People who hardly match are omitted.',
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
      description: 'Audited with the reason, also without a result. The number of lookups per key and hour is limited.',
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
        'SDMK then owns these values: a different value from KKI only causes a warning. Null removes a value, and KKI’s next value replaces it. Send the `ETag` of the person as `If-Match`. A NIK needs a reason; lookups of a NIK are audited and limited.',
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
        // In a separate transaction: a NIK that another person has rolls the edit back, but the audit event must stay.
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
        .catch(deny)
      const worker = await readHealthWorker(app.database.pool, id)
      if (!worker) return refuseUnread(app.database.pool, id)
      return reply.header('etag', `"${worker.version}"`).send(worker)
    }
  })
}

/** @throws Problem if a search has neither an STR nor a usable name */
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
  // A text of only titles and punctuation would match every name.
  if (nameKey === '') throw invalid('/body/name', 'must hold more than titles and signs')
  return { strNumbers: str === undefined ? null : [canonicalStr(str)], nameKey }
}

function invalid(field: string, message: string): Problem {
  return new Problem('VALIDATION_FAILED', `Not valid: ${field}`, { errors: [{ field, message }] })
}
