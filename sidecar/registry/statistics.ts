import type pg from 'pg'

/**
 * Updates the planner's statistics of these tables, by a function of the owner: before PostgreSQL 17 only owners may
 * ANALYZE.
 */
export async function renewStatistics(connection: pg.ClientBase | pg.Pool, ...tables: string[]): Promise<void> {
  await connection.query('select kki.renew_statistics(variadic $1::regclass[])', [tables])
}
