import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { decideErasure, decideRestriction } from '../privacy/decide.ts'
import { today } from '../sync/plan-and-apply.ts'
import { callerOf } from './caller.ts'
import { closed, Id, IdParams, Instant, nullable, problems, Reason } from './schemas.ts'

const StateSchema = Type.Object(
  { healthWorkerId: Id, restrictedSince: nullable(Instant), erasedAt: nullable(Instant) },
  { title: 'PrivacyState' }
)
const Decision = Type.Object({ reason: Reason }, { ...closed, title: 'PrivacyDecision' })

/** Decisions about a person's data that the law entitles the person to request. */
export const privacyRoutes: FastifyPluginAsyncTypebox<{ timeZone: string; retentionYears: number }> = async (
  app,
  { timeZone, retentionYears }
) => {
  const route = { onRequest: app.requireScope('privacy:manage') }
  for (const [path, isRestricted, summary] of [
    ['restrict', true, 'Restrict the data of a health worker: keep it stored and show it to nobody'],
    ['unrestrict', false, 'End the restriction of a health worker’s data']
  ] as const) {
    app.post(`/v1/health-workers/:id/${path}`, {
      ...route,
      schema: {
        tags: ['privacy'],
        summary,
        description: 'Audited, with the reason. KKI’s rows still change the licences.',
        params: IdParams,
        body: Decision,
        response: { 200: StateSchema, ...problems }
      },
      handler: async request => {
        const decision = { healthWorkerId: request.params.id, reason: request.body.reason, caller: callerOf(request) }
        return app.database.withTransaction(client => decideRestriction(client, decision, isRestricted))
      }
    })
  }

  app.post('/v1/health-workers/:id/erase', {
    ...route,
    schema: {
      tags: ['privacy'],
      summary: 'Erase the data of a health worker; it cannot be undone',
      description:
        'Audited, with the reason. The licence history stays under the number of the person. Denied while a licence is in force, and for some years after; `former` erases only earlier values, at any time.',
      params: IdParams,
      body: Type.Object({ reason: Reason, scope: Type.Enum(['all', 'former']) }, { ...closed, title: 'Erasure' }),
      response: { 200: StateSchema, ...problems }
    },
    handler: async request => {
      const { reason, scope } = request.body
      const asOf = await today(app.database.pool, timeZone)
      return app.database.withTransaction(client =>
        decideErasure(
          client,
          { healthWorkerId: request.params.id, reason, caller: callerOf(request) },
          { scope, retentionYears, asOf }
        )
      )
    }
  })
}
