import type { FastifyInstance } from 'fastify'
import type { CallResult } from './link.ts'

const results: readonly CallResult[] = ['stored', 'unavailable', 'refused', 'not_made']

/** Makes the metrics of the way to Odoo, and returns what counts its calls. */
export function createOdooMetrics(app: FastifyInstance, breakerState: () => number): (result: CallResult) => void {
  const { client } = app.metrics
  const calls = new client.Counter({
    name: 'sdmk_odoo_calls_total',
    help: 'Calls of Odoo, by what came of them',
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
  // Both are read from the queue when they are asked for, so that every replica tells the same.
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
  gauge('sdmk_odoo_pending_jobs', 'Jobs that Odoo has not been told', 'count(*)')
  gauge(
    'sdmk_odoo_failing_jobs',
    'Those of them that failed before, such as of records that Odoo cannot be told',
    'count(*) filter (where retry_count > 0)'
  )
  gauge(
    'sdmk_odoo_oldest_pending_seconds',
    'Age of the oldest of them',
    'coalesce(extract(epoch from now() - min(created_on)), 0)::float8'
  )
  return result => calls.inc({ result })
}
