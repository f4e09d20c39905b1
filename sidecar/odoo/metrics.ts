import type { FastifyInstance } from 'fastify'
import type { CallResult } from './link.ts'

const results: readonly CallResult[] = ['stored', 'unavailable', 'refused', 'not_made']

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
  // Read from the queue at each scrape, so that every replica reports the same.
  const pending = async (expression: string) => {
    const { rows } = await app.database.pool.query<{ value: number }>(
      `select ${expression} as value from pgboss.job where name in ('odoo-state', 'odoo-people') and state < 'completed'`
    )
    return rows[0]?.value ?? 0
  }
  const gauge = (name: string, help: string, expression: string) => {
    new client.Gauge({
      name,
      help,
      async collect() {
        const value = await pending(expression).catch(() => null)
        if (value === null) this.remove()
        else this.set(value)
      }
    })
  }
  gauge('sdmk_odoo_pending_jobs', 'Jobs that are not sent to Odoo yet', 'count(*)')
  gauge(
    'sdmk_odoo_failing_jobs',
    'Pending jobs that failed before, such as for records that cannot be sent to Odoo',
    'count(*) filter (where retry_count > 0)'
  )
  gauge(
    'sdmk_odoo_oldest_pending_seconds',
    'Age of the oldest pending job',
    'coalesce(extract(epoch from now() - min(created_on)), 0)::float8'
  )
  return result => calls.inc({ result })
}
