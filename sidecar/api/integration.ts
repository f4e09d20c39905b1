import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { SdmkError } from '../errors.ts'
import { identitySecret } from '../identity/keys.ts'
import { readBacklog } from '../odoo/backlog.ts'
import { odooSecret } from '../odoo/link.ts'
import { Problem } from '../platform/problem.ts'
import { codeText, type Language } from '../platform/problem-texts.ts'
import type { SecretStore } from '../secrets/store.ts'
import { scheduleFault } from '../sync/schedule-fault.ts'
import { lastSlot, nextSlot } from '../sync/schedule-slot.ts'
import { scheduleInWords } from '../sync/schedule-words.ts'
import { readSetting, type StoredSetting, writeSetting } from '../sync/settings.ts'
import type { Mapping } from '../transform/mapping.ts'
import { callerOf } from './caller.ts'
import { Instant, nullable, problems } from './schemas.ts'

const SettingSchema = Type.Object(
  {
    active: Type.Boolean(),
    schedule: Type.String({
      minLength: 1,
      maxLength: 100,
      description: 'cron expression of five fields, without seconds, in the sidecar’s time zone'
    }),
    professions: Type.Union(
      [Type.Null(), Type.Array(Type.String(), { minItems: 1, maxItems: 200, uniqueItems: true })],
      { description: 'null is every profession of the mapping' }
    ),
    rejectAlertRatio: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    createUnmatched: Type.Enum(['create', 'review'], {
      description: 'whether an active licence of an unmatched person creates that person or goes to the review queue'
    })
  },
  { additionalProperties: false, title: 'IntegrationSetting' }
)

const MirrorSchema = Type.Object(
  {
    waiting: Type.Integer({ description: 'messages that wait to be written to Odoo' }),
    failing: Type.Integer({ description: 'waiting messages that failed before' }),
    oldestSeconds: Type.Number({ description: 'age of the oldest waiting message' })
  },
  { title: 'OdooBacklog', description: 'null if no Odoo is configured' }
)

const IntegrationSchema = Type.Interface(
  [SettingSchema],
  {
    version: Type.Integer(),
    changedAt: Instant,
    changedBy: Type.String(),
    nextRunDueAt: nullable(Instant),
    lastRunsDueAt: Type.Array(Instant, { description: 'the two latest times of the schedule, the latest first' }),
    mirror: nullable(MirrorSchema)
  },
  { title: 'Integration' }
)

const lines = (description: string) => Type.Array(Type.String(), { description })

const CheckSchema = Type.Object(
  {
    checks: Type.Array(
      Type.Object({
        what: Type.Enum(['kki', 'odoo', 'secrets'], {
          description: 'the source; writing to Odoo with the account of the sidecar; the secret store'
        }),
        isFine: Type.Union([Type.Null(), Type.Boolean()], {
          description: 'null: no process that could check it has answered in time'
        }),
        en: lines('the findings, the likeliest cause first'),
        id: lines('the same in Indonesian')
      })
    )
  },
  { title: 'ConnectionCheck' }
)

const ScheduleSchema = Type.Object(
  {
    en: Type.String({ description: 'the schedule in words' }),
    id: Type.String({ description: 'the same in Indonesian' }),
    nextRunsDueAt: Type.Array(Instant, { description: 'the next three times' })
  },
  { title: 'Schedule' }
)

/** Longer than a check takes, and shorter than Odoo waits. */
const patienceMs = 25_000
const shownRuns = 3

export interface IntegrationRoutesOptions {
  mapping: Mapping
  timeZone: string
  /** Whether the configuration has the address of Odoo. */
  hasOdoo: boolean
  /** `null` if the app is built only to describe its routes. */
  secrets: Pick<SecretStore, 'read'> | null
}

/** The switch, the schedule and the limits of the integration with KKI. */
export const integrationRoutes: FastifyPluginAsyncTypebox<IntegrationRoutesOptions> = async (
  app,
  { mapping, timeZone, hasOdoo, secrets: store }
) => {
  const toBody = async ({ changedAt, ...setting }: StoredSetting) => ({
    ...setting,
    changedAt: changedAt.toISOString(),
    ...dueTimes(setting, timeZone),
    mirror: hasOdoo ? await readBacklog(app.database.pool) : null
  })

  app.get('/v1/integrations/kki', {
    onRequest: app.requireScope('runs:read'),
    schema: { tags: ['integration'], summary: 'Show the setting', response: { 200: IntegrationSchema, ...problems } },
    handler: async (_request, reply) => {
      const setting = await readSetting(app.database.pool)
      return reply.header('etag', `"${setting.version}"`).send(await toBody(setting))
    }
  })

  app.post('/v1/integrations/kki/check', {
    onRequest: app.requireScope('settings:write'),
    schema: {
      tags: ['integration'],
      summary: 'Check the source, Odoo and the secret store, and change nothing',
      response: { 200: CheckSchema, ...problems }
    },
    handler: async () => {
      const [kki, odoo, secrets] = await Promise.all([
        app.queue.ask('source-check', {}, patienceMs),
        hasOdoo ? app.queue.ask('odoo-check', {}, patienceMs) : null,
        checkSecrets(store, hasOdoo ? [identitySecret, odooSecret] : [identitySecret])
      ])
      const unanswered = { isFine: null, en: [], id: [] }
      const checks = { kki: kki ?? unanswered, odoo: odoo ?? unanswered, secrets }
      return { checks: Object.entries(checks).map(([what, found]) => ({ what, ...found })) } as Static<
        typeof CheckSchema
      >
    }
  })

  app.get('/v1/integrations/kki/schedule', {
    onRequest: app.requireScope('runs:read'),
    schema: {
      tags: ['integration'],
      summary: 'Describe a schedule in words',
      querystring: Type.Object({ expression: SettingSchema.properties.schedule }),
      response: { 200: ScheduleSchema, ...problems }
    },
    handler: async ({ query: { expression } }) => {
      checkSchedule(expression, '/query/expression')
      const nextRunsDueAt: string[] = []
      let after = new Date()
      while (nextRunsDueAt.length < shownRuns) {
        after = nextSlot(expression, timeZone, after)
        nextRunsDueAt.push(after.toISOString())
      }
      return { en: scheduleInWords(expression, 'en'), id: scheduleInWords(expression, 'id'), nextRunsDueAt }
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
      return reply.header('etag', `"${setting.version}"`).send(await toBody(setting))
    }
  })
}

/** Returns past and future times of the schedule; none while it is switched off. */
function dueTimes({ active, schedule }: Pick<StoredSetting, 'active' | 'schedule'>, timeZone: string) {
  if (!active) return { nextRunDueAt: null, lastRunsDueAt: [] }
  const last = lastSlot(schedule, timeZone, new Date())
  const before = lastSlot(schedule, timeZone, new Date(last.getTime() - 1))
  const next = nextSlot(schedule, timeZone, new Date())
  return { nextRunDueAt: next.toISOString(), lastRunsDueAt: [last.toISOString(), before.toISOString()] }
}

/** Instructions for a missing secret. */
const missing: Record<string, Record<Language, string>> = {
  [identitySecret]: {
    en: 'The identity keys are missing: without them no NIK can be read. Tell the technical team.',
    id: 'Kunci identitas tidak ada: tanpa kunci itu NIK tidak dapat dibaca. Hubungi tim teknis.'
  },
  [odooSecret]: {
    en: 'The Odoo account of the sidecar is missing. Press Renew Account Key.',
    id: 'Akun Odoo milik sidecar tidak ada. Tekan Perbarui Kunci Akun.'
  }
}

/** Reads the secrets again, because the process may still use those that it read when it started. */
async function checkSecrets(store: IntegrationRoutesOptions['secrets'], names: readonly string[]) {
  try {
    const found = await Promise.all(names.map(async name => ({ name, value: await store?.read(name) })))
    const faults = found.flatMap(({ name, value }) => (value === null ? (missing[name] ?? []) : []))
    if (faults.length > 0) {
      return { isFine: false, en: faults.map(({ en }) => en), id: faults.map(({ id }) => id) }
    }
    return {
      isFine: true,
      en: ['The secret store answers, and the sidecar can read its secrets.'],
      id: ['Penyimpanan rahasia menjawab, dan sidecar dapat membaca rahasianya.']
    }
  } catch (error) {
    if (!(error instanceof SdmkError)) throw error
    const title = (language: Language) => codeText(error.code.replace(/^SDMK_/, ''), language)?.title ?? ''
    return {
      isFine: false,
      en: [`The secrets of the sidecar cannot be read: ${title('en')}. Tell the technical team.`],
      id: [`Rahasia sidecar tidak dapat dibaca: ${title('id')}. Hubungi tim teknis.`]
    }
  }
}

function checkSchedule(schedule: string, field: string) {
  const fault = scheduleFault(schedule)
  if (fault) throw new Problem('VALIDATION_FAILED', fault, { errors: [{ field, message: fault.en }] })
}

function check({ schedule, professions }: Static<typeof SettingSchema>, mapping: Mapping) {
  checkSchedule(schedule, '/body/schedule')
  const known = new Set(mapping.professions.map(({ code }) => code))
  const unknown = professions?.findIndex(code => !known.has(code)) ?? -1
  if (unknown < 0) return
  const field = `/body/professions/${unknown}`
  throw new Problem('VALIDATION_FAILED', `Not valid: ${field}`, {
    errors: [{ field, message: 'must be a profession of the mapping' }]
  })
}
