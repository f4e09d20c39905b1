import type pg from 'pg'

/** Returns the schema of a batch. It holds the batch's partitions of the staging tables, under the names of their parents. */
export function stagingOf(batchId: number): string {
  return `batch_${batchId}`
}

/**
 * Makes the names `staged_row`, `plan_row` and the other staging tables refer to the batch's own partitions until the end of
 * the caller's transaction. Partitions have statistics, and their parents have none: with a parent, the planner would expect
 * a join to return hundreds of rows for each row. Call this before any step of a batch.
 */
export async function useStaging(client: pg.ClientBase, batchId: number): Promise<void> {
  await client.query(`set local search_path = ${stagingOf(batchId)}`)
}
