import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { Problem } from '../platform/problem.ts'
import { isSchedule, nextSlot } from '../sync/schedule-slot.ts'
import { readSetting, type StoredSetting, writeSetting } from '../sync/settings.ts'
import type { Mapping } from '../transform/mapping.ts'
import { callerOf } from './caller.ts'
import { Instant, nullable, problems } from './schemas.ts'

const SettingSchema = Type.Object(
  {
    active: Type.Boolean(),
    schedule: Type.String({ minLength: 1, maxLength: 100, description: 'cron expression, in the sidecar’s time zone' }),
    professions: Type.Union(
      [Type.Null(), Type.Array(Type.String(), { minItems: 1, maxItems: 200, uniqueItems: true })],
      { description: 'null is every profession of the mapping' }
    ),
    rejectAlertRatio: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    createUnmatched: Type.Enum(['create', 'desk'], {
      description: 'what becomes of an active licence of somebody unknown'
    })
  },
  { additionalProperties: false, title: 'IntegrationSetting' }
)

const IntegrationSchema = Type.Interface(
  [SettingSchema],
  { version: Type.Integer(), changedAt: Instant, changedBy: Type.String(), nextRunDueAt: nullable(Instant) },
  { title: 'Integration' }
)

const CheckSchema = Type.Object(
  {
    isFine: Type.Union([Type.Null(), Type.Boolean()], {
      description: 'null: no process with the role `fetch` has answered in time'
    }),
    en: Type.Array(Type.String(), { description: 'what was found, the likeliest cause first' }),
    id: Type.Array(Type.String(), { description: 'the same in Indonesian' })
  },
  { title: 'SourceCheck' }
)

/** Longer than a check takes, and shorter than Odoo waits. */
const patienceMs = 25_000

/** The switch, the schedule and the limits of the integration with KKI. */
export const integrationRoutes: FastifyPluginAsyncTypebox<{ mapping: Mapping; timeZone: string }> = async (
  app,
  { mapping, timeZone }
) => {
  app.get('/v1/integrations/kki', {
    onRequest: app.requireScope('runs:read'),
    schema: { tags: ['integration'], summary: 'Show the setting', response: { 200: IntegrationSchema, ...problems } },
    handler: async (_request, reply) => {
      const setting = await readSetting(app.database.pool)
      return reply.header('etag', `"${setting.version}"`).send(toBody(setting, timeZone))
    }
  })

  app.post('/v1/integrations/kki/check', {
    onRequest: app.requireScope('settings:write'),
    schema: {
      tags: ['integration'],
      summary: 'Ask the source for a few pages, change nothing, and say what fits its description',
      response: { 200: CheckSchema, ...problems }
    },
    handler: async () => {
      const answer = await app.queue.ask('source-check', {}, patienceMs)
      return (answer ?? { isFine: null, en: [], id: [] }) as Static<typeof CheckSchema>
    }
  })

  app.put('/v1/integrations/kki', {
    onRequest: app.requireScope('settings:write'),
    schema: {
      tags: ['integration'],
      summary: 'Replace the setting',
      headers: Type.Object({ 'if-match': Type.Optional(Type.String({ pattern: '^"\\d{1,15}"$' })) }),
      body: SettingSchema,
      response: { 200: IntegrationSchema, ...problems }
    },
    handler: async (request, reply) => {
      check(request.body, mapping)
      const ifMatch = request.headers['if-match']
      const version = ifMatch === undefined ? null : Number(ifMatch.slice(1, -1))
      const setting = await app.database.withTransaction(client =>
        writeSetting(client, request.body, version, callerOf(request))
      )
      return reply.header('etag', `"${setting.version}"`).send(toBody(setting, timeZone))
    }
  })
}

function toBody({ changedAt, ...setting }: StoredSetting, timeZone: string) {
  const nextRunDueAt = setting.active ? nextSlot(setting.schedule, timeZone, new Date()).toISOString() : null
  return { ...setting, changedAt: changedAt.toISOString(), nextRunDueAt }
}

function check({ schedule, professions }: Static<typeof SettingSchema>, mapping: Mapping) {
  const refuse = (field: string, message: string) => {
    throw new Problem('VALIDATION_FAILED', `Not valid: ${field}`, { errors: [{ field, message }] })
  }
  if (!isSchedule(schedule)) refuse('/body/schedule', 'must be a cron expression, such as 0 2 * * *')
  const known = new Set(mapping.professions.map(({ code }) => code))
  const unknown = professions?.findIndex(code => !known.has(code)) ?? -1
  if (unknown >= 0) refuse(`/body/professions/${unknown}`, 'must be a profession of the mapping')
}
