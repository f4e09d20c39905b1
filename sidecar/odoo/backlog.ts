import type pg from 'pg'

/** Messages that wait to be written to Odoo. */
export interface Backlog {
  waiting: number
  /** Waiting messages that failed before, such as records that Odoo does not accept. */
  failing: number
  /** Age of the oldest waiting message in seconds; 0 if none waits. */
  oldestSeconds: number
}

/** Reads the backlog from the queue, so that every replica reports the same. */
export async function readBacklog(pool: pg.Pool): Promise<Backlog> {
  const { rows } = await pool.query<Backlog>(
    `select count(*)::int as waiting, (count(*) filter (where retry_count > 0))::int as failing,
      coalesce(extract(epoch from now() - min(created_on)), 0)::float8 as "oldestSeconds"
    from pgboss.job where name in ('odoo-state', 'odoo-people') and state < 'completed'`
  )
  return rows[0] as Backlog
}
