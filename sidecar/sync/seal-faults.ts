import type { FastifyInstance, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import type pg from 'pg'
import { SealFault } from '../registry/errors.ts'
import { type Caller, recordAudit } from './audit/record.ts'
import { callerOf } from './routes/caller.ts'

const action = 'seal.unfit'
/** Values that have an event each; of a registry without its keys none opens. */
const mostEvents = 100

/** Audits sealed values that did not fit where they stood, within the caller's transaction: the places, never a value. */
export async function auditSealFaults(
  client: pg.ClientBase,
  caller: Caller,
  faults: readonly SealFault[],
  batchId?: number
): Promise<void> {
  for (const { column, row, fault } of faults.slice(0, mostEvents)) {
    const detail = { column, row, fault, ...(faults.length > mostEvents && { found: faults.length }) }
    await recordAudit(client, { ...caller, action, detail, ...(batchId !== undefined && { batchId }) })
  }
}

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
            where action = '${action}' and at > now() - interval '1 day'`
          )
          .catch(() => ({ rows: [] }))
        if (rows[0] === undefined) this.remove()
        else this.set(rows[0].value)
      }
    })
  },
  { name: 'seal-faults', fastify: '5.x', dependencies: ['auth', 'database', 'metrics'] }
)
