import type pg from 'pg'

/**
 * Tells PostgreSQL's planner, until the caller's transaction ends, what it cannot know: statements of a batch may take
 * memory for its rows, are not worth compiling, and meet the registry's pages in memory or on a disk that seeks for nothing.
 * With the default it would read the whole registry for each of a dozen steps of a batch of some thousand rows.
 */
export async function settlePlanner(client: pg.ClientBase): Promise<void> {
  await client.query(`set local work_mem = '64MB'; set local jit = off; set local random_page_cost = 1.1`)
}

/**
 * Runs `work` with joins that read each side once: where the planner takes a side for empty that is not, a loop over it for
 * each row of the other takes hours.
 */
export async function withoutLoops<T>(client: pg.ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('set local enable_nestloop = off')
  const result = await work()
  await client.query('set local enable_nestloop = on')
  return result
}
