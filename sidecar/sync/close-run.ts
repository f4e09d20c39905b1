import type pg from 'pg'

/**
 * Marks the run as finished if none of its batches is under way, within the transaction that ended one of them. A full
 * run of which all is applied still waits for its census, which finishes it.
 */
export async function closeRun(client: pg.ClientBase, runId: number): Promise<void> {
  // Batches that end side by side would each see the other under way; the lock makes the second look again.
  await lockRun(client, runId)
  await client.query(
    `update kki.run r set finished_at = now()
    where r.id = $1 and r.finished_at is null
      and not exists (select from kki.batch b where b.run_id = r.id and kki.is_under_way(b.state))
      and (r.mode <> 'full' or exists (select from kki.batch b where b.run_id = r.id and b.state <> 'applied'))`,
    [runId]
  )
}

/**
 * Waits for whoever else ends a part of the run, and keeps the next one out until this transaction ends. Not `for update`:
 * whoever changes a batch a second time holds the key of its run, so that two of them would wait for each other.
 */
export async function lockRun(client: pg.ClientBase, runId: number): Promise<void> {
  await client.query('select from kki.run where id = $1 for no key update', [runId])
}

/** Marks the run as finished: nothing more will be added to it. */
export async function finishRun(client: pg.ClientBase, runId: number): Promise<void> {
  await client.query('update kki.run set finished_at = coalesce(finished_at, now()) where id = $1', [runId])
}
