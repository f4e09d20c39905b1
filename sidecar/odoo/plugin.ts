import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { createDisclosureWriter } from '../audit/disclosures.ts'
import type { Config, OdooConfig } from '../config.ts'
import type { SecretStore } from '../secrets/store.ts'
import { checkOdoo } from './check.ts'
import { compareWithOdoo } from './compare.ts'
import type { PeopleJob, StateJob } from './jobs.ts'
import { createOdooLink, type OdooLink } from './link.ts'
import { createOdooMetrics } from './metrics.ts'
import { jobsAtATime, type RelayContext, relayPeople, relayState } from './relay.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Defined if the process has the role `relay` and an Odoo is configured. */
    odoo: OdooLink
  }
}

export interface OdooPluginOptions {
  config: Config
  odoo: OdooConfig
  secrets: SecretStore
}

/** Delivers the jobs of the outbox to Odoo. */
export default fp<OdooPluginOptions>(
  async function odooPlugin(app, { config, odoo, secrets }) {
    const disclosures = createDisclosureWriter(app.database.pool)
    const link: OdooLink = createOdooLink({
      odoo,
      secrets,
      logger: app.log,
      onCall: createOdooMetrics(app, () => link.breakerState),
      async onSend({ shown }, requestId) {
        if (shown) await disclosures.record({ actor: 'relay', apiKeyId: null, requestId, ...shown })
      }
    })
    app.decorate('odoo', link)
    // Informational only: without Odoo the sidecar does all other work, and the jobs for Odoo wait in the queue.
    app.health.register('odoo', async () => ({ breaker: ['closed', 'half-open', 'open'][link.breakerState] as string }))
    app.addHook('onClose', async () => link.close())
    app.addHook('onReady', async () => {
      await work(app, config, link)
      // Only the role `relay` has the account, and other processes ask.
      await app.queue.answer('odoo-check', () => checkOdoo(link))
      await introduce(app)
    })
  },
  { name: 'odoo', fastify: '5.x', dependencies: ['database', 'queue', 'metrics', 'health'] }
)

async function work({ database, queue, log: logger }: FastifyInstance, { timeZone }: Config, link: OdooLink) {
  const context: RelayContext = {
    pool: database.pool,
    link,
    logger,
    timeZone,
    resend: (name, data) => database.withTransaction(client => queue.sendMany(name, data, client))
  }
  await queue.workMany<StateJob>('odoo-state', (jobs, signal) => relayState(context, jobs, signal), {
    atATime: jobsAtATime.state
  })
  await queue.workMany<PeopleJob>('odoo-people', (jobs, signal) => relayPeople(context, jobs, signal), {
    atATime: jobsAtATime.people
  })
  await queue.work(
    'odoo-compare',
    async ({ signal }) => void (await compareWithOdoo({ database, queue, link, logger, timeZone }, { signal })),
    // The schedule starts another one every night.
    { concurrency: 1, giveUp: async () => undefined }
  )
}

/** Sends Odoo the setting and the texts of this release, which do not change while the process runs. */
async function introduce({ database, queue }: FastifyInstance) {
  const job: StateJob = { words: true, setting: true }
  await database.withTransaction(client => queue.sendMany('odoo-state', [job], client))
}
