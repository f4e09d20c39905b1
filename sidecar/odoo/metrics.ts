import type { FastifyInstance } from 'fastify'
import { type Backlog, readBacklog } from './backlog.ts'
import type { CallResult } from './link.ts'

const results: readonly CallResult[] = ['stored', 'unavailable', 'denied', 'not_made']

/** Creates the metrics of the calls to Odoo, and returns the function that counts them. */
export function createOdooMetrics(app: FastifyInstance, breakerState: () => number): (result: CallResult) => void {
  const { client } = app.metrics
  const calls = new client.Counter({
    name: 'sdmk_odoo_calls_total',
    help: 'Calls to Odoo, by result',
    labelNames: ['result']
  })
  for (const result of results) calls.inc({ result }, 0)
  new client.Gauge({
    name: 'sdmk_odoo_breaker_state',
    help: '0 closed, 1 half-open, 2 open',
    collect() {
      this.set(breakerState())
    }
  })
  const gauge = (name: string, help: string, figure: keyof Backlog) => {
    new client.Gauge({
      name,
      help,
      async collect() {
        const backlog = await readBacklog(app.database.pool).catch(() => null)
        if (backlog === null) this.remove()
        else this.set(backlog[figure])
      }
    })
  }
  gauge('sdmk_odoo_pending_jobs', 'Jobs that are not sent to Odoo yet', 'waiting')
  gauge(
    'sdmk_odoo_failing_jobs',
    'Pending jobs that failed before, such as for records that cannot be sent to Odoo',
    'failing'
  )
  gauge('sdmk_odoo_oldest_pending_seconds', 'Age of the oldest pending job', 'oldestSeconds')
  return result => calls.inc({ result })
}
