import type pg from 'pg'

/** Returns the schema of a batch. It holds the batch's partitions of the staging tables, under the names of their parents. */
export function stagingOf(batchId: number): string {
  return `batch_${batchId}`
}

/**
 * Makes the names `staged_row`, `plan_row` and their neighbours stand for the batch's own partitions until the caller's
 * transaction ends. The planner has statistics of these, and none of their parents: it would take every join for one of each
 * row with hundreds of others. Whatever runs steps of a batch calls this first.
 */
export async function useStaging(client: pg.ClientBase, batchId: number): Promise<void> {
  await client.query(`set local search_path = ${stagingOf(batchId)}`)
}
