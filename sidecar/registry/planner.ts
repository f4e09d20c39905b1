import type pg from 'pg'

/**
 * Sets planner options until the end of the caller's transaction: statements of a batch may use memory for their rows,
 * are not worth compiling, and read the registry from memory or from a disk without seek times. With the defaults, each
 * of a dozen steps of a batch of some thousand rows would read the whole registry.
 */
export async function settlePlanner(client: pg.ClientBase): Promise<void> {
  await client.query(`set local work_mem = '64MB'; set local jit = off; set local random_page_cost = 1.1`)
}

/**
 * Runs `work` without nested loops. If the planner estimates zero rows for a table that is not empty, a nested loop over it
 * takes hours.
 */
export async function withoutLoops<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('set local enable_nestloop = off')
  const result = await work()
  await client.query('set local enable_nestloop = on')
  return result
}
