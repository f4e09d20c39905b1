import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { auditSealFaults, sealUnfit } from '../audit/seal-faults.ts'
import { SealFault } from '../identity/errors.ts'
import { callerOf } from './caller.ts'

/**
 * Audits each request that found a sealed value that belongs to another row or field, and counts these events for all
 * processes. The request's own transaction is rolled back, so the event has a separate one.
 */
export default fp(
  async function sealFaultsPlugin(app: FastifyInstance) {
    app.addHook('onError', async (request: FastifyRequest, _reply, error) => {
      if (!(error instanceof SealFault)) return
      request.log.error({ err: error, code: error.code }, 'a sealed value does not belong to its row and field')
      // The answer must not wait for this audit event: the log has the fault as well.
      await app.database
        .withTransaction(client => auditSealFaults(client, callerOf(request), [error]))
        .catch(err =>
          request.log.error({ err }, 'a sealed value that does not belong to its row and field could not be audited')
        )
    })
    new app.metrics.client.Gauge({
      name: 'sdmk_unfit_seals',
      help: 'Audit events of the last day about sealed values that do not belong to their row and field',
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
