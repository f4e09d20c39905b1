import type pg from 'pg'

/** Renews the planner's statistics of these tables. The owner does it for us: ANALYZE is for owners alone before PostgreSQL 17. */
export async function renewStatistics(connection: pg.ClientBase | pg.Pool, ...tables: string[]): Promise<void> {
  await connection.query('select kki.renew_statistics(variadic $1::regclass[])', [tables])
}
