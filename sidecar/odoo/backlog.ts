import type pg from 'pg'

/** What waits to be written to Odoo. */
export interface Backlog {
  waiting: number
  /** Those of them that failed before, such as records that Odoo does not accept. */
  failing: number
  /** Age of the oldest, in seconds; 0 where nothing waits. */
  oldestSeconds: number
}

/** Returns the backlog as the queue has it now, so that every replica reports the same. */
export async function readBacklog(pool: pg.Pool): Promise<Backlog> {
  const { rows } = await pool.query<Backlog>(
    `select count(*)::int as waiting, (count(*) filter (where retry_count > 0))::int as failing,
      coalesce(extract(epoch from now() - min(created_on)), 0)::float8 as "oldestSeconds"
    from pgboss.job where name in ('odoo-state', 'odoo-people') and state < 'completed'`
  )
  return rows[0] as Backlog
}
