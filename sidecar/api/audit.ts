import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import { actionWords, auditActions } from '../audit/actions.ts'
import { readHead } from '../audit/head.ts'
import { readCheck, readEvents, type StoredEvent } from '../audit/read.ts'
import { type Language, preferredLanguage } from '../platform/problem-texts.ts'
import { closed, Id, Instant, nullable, problems, toDate } from './schemas.ts'

export const HeadSchema = Type.Object(
  { seq: Id, hash: Type.String({ pattern: '^[0-9a-f]{64}$' }) },
  {
    title: 'AuditHead',
    description:
      'a link of the chain; keep it elsewhere, so that `sdmk audit verify --head` can compare the chain with it'
  }
)

export const CheckSchema = Type.Object(
  {
    checkedAt: Instant,
    events: Type.Integer({ minimum: 0 }),
    findings: Type.Integer({ minimum: 0, description: 'places where the chain was altered; 0 means none' }),
    odooDiffering: Type.Integer({ minimum: 0, description: 'heads stored in Odoo that the chain does not contain' })
  },
  { title: 'AuditCheck' }
)

export const AuditEventSchema = Type.Object(
  {
    id: Id,
    at: Instant,
    action: Type.String({ examples: ['batch.applied'] }),
    title: Type.String({ description: 'the action in words, in the language that Accept-Language prefers' }),
    actor: Type.String({ description: 'the operator’s login, the key’s name, or the part of the sidecar' }),
    apiKeyId: nullable(Id),
    runId: nullable(Id),
    batchId: nullable(Id),
    requestId: nullable(Type.String()),
    traceId: nullable(Type.String()),
    detail: Type.Record(Type.String(), Type.Unknown(), { description: 'never a name, NIK or STR number' }),
    link: Type.Union([HeadSchema, Type.Null()], { description: 'null for about a second, until the event is chained' })
  },
  { title: 'AuditEvent' }
)

/** Returns an event as the API shows it. */
export function toEventBody(event: StoredEvent, language: Language): Static<typeof AuditEventSchema> {
  return { ...event, title: actionWords(event.action, language), at: event.at.toISOString() }
}

const Text = Type.String({ minLength: 1, maxLength: 200 })

/** Audit events: each action, its actor and its reason. */
export const auditRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/v1/audit-events', {
    onRequest: app.requireScope('audit:read'),
    schema: {
      tags: ['audit'],
      summary: 'List audit events, newest first',
      querystring: Type.Object(
        {
          action: Type.Optional(Text),
          actor: Type.Optional(Text),
          runId: Type.Optional(Id),
          batchId: Type.Optional(Id),
          traceId: Type.Optional(Type.String({ pattern: '^[0-9a-f]{32}$' })),
          requestId: Type.Optional(Text),
          since: Type.Optional(Instant),
          until: Type.Optional(Instant),
          before: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
          limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 })
        },
        closed
      ),
      response: {
        200: Type.Object({
          items: Type.Array(AuditEventSchema),
          next: Type.Union([Id, Type.Null()], { description: 'pass as `before`; null on the last page' }),
          head: Type.Union([HeadSchema, Type.Null()], { description: 'the end of the chain' }),
          check: Type.Union([CheckSchema, Type.Null()], {
            description: 'the last verification of the whole chain; null before the first one'
          }),
          actions: Type.Array(Type.Object({ action: Type.String(), title: Type.String() }), {
            description: 'all kinds of actions, on the first page only'
          })
        }),
        ...problems
      }
    },
    handler: async request => {
      const { before, limit, since, until, ...filter } = request.query
      const { pool } = app.database
      const dates = { since: toDate(since), until: toDate(until) }
      const events = await readEvents(pool, { ...filter, ...dates }, { before, limit: limit + 1 })
      const language = preferredLanguage(request.headers['accept-language'])
      const items = events.slice(0, limit).map(event => toEventBody(event, language))
      const check = await readCheck(pool)
      return {
        items,
        next: events.length > limit ? (items.at(-1)?.id ?? null) : null,
        head: await readHead(pool),
        check: check && { ...check, checkedAt: check.checkedAt.toISOString() },
        actions:
          before === 0
            ? Object.entries(auditActions).map(([action, words]) => ({ action, title: words[language] }))
            : []
      }
    }
  })
}
