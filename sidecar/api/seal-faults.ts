import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { auditSealFaults, sealUnfit } from '../audit/seal-faults.ts'
import { SealFault } from '../identity/errors.ts'
import { callerOf } from './caller.ts'

/**
 * Audits each request that found a sealed value which does not fit where it stands, and counts such events for all processes.
 * The request's own transaction is rolled back, so the event has another one.
 */
export default fp(
  async function sealFaultsPlugin(app: FastifyInstance) {
    app.addHook('onError', async (request: FastifyRequest, _reply, error) => {
      if (!(error instanceof SealFault)) return
      request.log.error({ err: error, code: error.code }, 'a sealed value does not fit where it stands')
      // The answer must not depend on it: the log has the fault as well.
      await app.database
        .withTransaction(client => auditSealFaults(client, callerOf(request), [error]))
        .catch(err => request.log.error({ err }, 'a sealed value that does not fit could not be audited'))
    })
    new app.metrics.client.Gauge({
      name: 'sdmk_unfit_seals',
      help: 'Audit events within a day about sealed values that do not fit where they stand',
      async collect() {
        const { rows } = await app.database.pool
          .query<{ value: number }>(
            `select count(*) as value from kki.audit_event
            where action = '${sealUnfit}' and at > now() - interval '1 day'`
          )
          .catch(() => ({ rows: [] }))
        if (rows[0] === undefined) this.remove()
        else this.set(rows[0].value)
      }
    })
  },
  { name: 'seal-faults', fastify: '5.x', dependencies: ['auth', 'database', 'metrics'] }
)
