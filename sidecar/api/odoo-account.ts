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
      description: 'of that user, made in Odoo; it is kept as a secret and never shown'
    })
  },
  { additionalProperties: false, title: 'OdooAccount' }
)

const StoredSchema = Type.Object({ login: Type.String(), storedAt: Instant }, { title: 'OdooAccountStored' })

export interface OdooAccountRoutesOptions {
  /** `null` where nothing is stored: the routes are described only. */
  secrets: SecretStore | null
  /** Whether the configuration says where Odoo is. */
  isConfigured: boolean
}

/** Where Odoo hands over the account that the sidecar calls it with. */
export const odooAccountRoutes: FastifyPluginAsyncTypebox<OdooAccountRoutesOptions> = async (
  app,
  { secrets, isConfigured }
) => {
  app.put('/v1/odoo/account', {
    onRequest: app.requireScope('settings:write'),
    schema: {
      tags: ['integration'],
      summary: 'Hand over the account that Odoo is called with',
      description: 'Takes the place of the former one at once; what Odoo refused to the former one is sent again.',
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
        // Last: a secret that cannot be stored takes its event back.
        await secrets.write(odooSecret, { login, apiKey })
      })
      // Absent where another process has the role `relay`: that one reads the secret when Odoo refuses the former key.
      if (app.hasDecorator('odoo')) app.odoo.renewAccount()
      return { login, storedAt: new Date().toISOString() }
    }
  })
}
