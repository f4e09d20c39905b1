import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { recordAudit } from '../audit/record.ts'
import { odooSecret } from '../odoo/link.ts'
import { unprintableInContracts } from '../platform/printable-text.ts'
import { Problem } from '../platform/problem.ts'
import type { SecretStore } from '../secrets/store.ts'
import { callerOf } from './caller.ts'
import { Instant, problems } from './schemas.ts'

const AccountSchema = Type.Object(
  {
    login: Type.String({ minLength: 1, maxLength: 200, pattern: `^[^\\s${unprintableInContracts}]+$` }),
    apiKey: Type.String({
      minLength: 16,
      maxLength: 200,
      pattern: '^[\\x21-\\x7e]+$',
      writeOnly: true,
      description: 'API key of that user, made in Odoo; it is kept as a secret and never shown'
    })
  },
  { additionalProperties: false, title: 'OdooAccount' }
)

const StoredSchema = Type.Object({ login: Type.String(), storedAt: Instant }, { title: 'OdooAccountStored' })

export interface OdooAccountRoutesOptions {
  /** `null` if the app is built only to describe its routes. */
  secrets: SecretStore | null
  /** Whether the configuration has Odoo's address. */
  isConfigured: boolean
}

/** Receives from Odoo the account with which the sidecar calls Odoo. */
export const odooAccountRoutes: FastifyPluginAsyncTypebox<OdooAccountRoutesOptions> = async (
  app,
  { secrets, isConfigured }
) => {
  app.put('/v1/odoo/account', {
    onRequest: app.requireScope('settings:write'),
    schema: {
      tags: ['integration'],
      summary: 'Set the account with which the sidecar calls Odoo',
      description: 'Replaces the former account at once. Calls that Odoo denied to the former account are repeated.',
      body: AccountSchema,
      response: { 200: StoredSchema, ...problems }
    },
    handler: async request => {
      if (!isConfigured || secrets === null) {
        throw new Problem('ODOO_NOT_CONFIGURED', 'SDMK_ODOO_URL is not set; the account was not stored.')
      }
      const { login, apiKey } = request.body
      await app.database.withTransaction(async client => {
        await recordAudit(client, { ...callerOf(request), action: 'odoo.account_stored', detail: { login } })
        // The last step, so that the audit event is rolled back if the secret cannot be stored.
        await secrets.write(odooSecret, { login, apiKey })
      })
      // Absent if another process has the role `relay`: it reads the secret again when Odoo denies the former key.
      if (app.hasDecorator('odoo')) app.odoo.renewAccount()
      return { login, storedAt: new Date().toISOString() }
    }
  })
}
