import type pg from 'pg'
import type { Caller } from '../audit/record.ts'
import type { JobQueue } from '../platform/queue.ts'

/** A person's approval to apply a held batch with the plan of this digest. */
export interface Approval {
  planDigest: string
  caller: Caller
}

/** A person's order to undo an applied batch. */
export interface Retraction {
  reason: string
  caller: Caller
}

/** Work on a batch whose rows are staged. */
export type BatchJob = { batchId: number } & (
  | { kind: 'apply' }
  | { kind: 'approved'; approval: Approval }
  | { kind: 'undo'; undo: Retraction }
  /** Reprocesses the rejections that the applied batch may settle, from the one after `after`. */
  | { kind: 'reprocess'; after: number }
)

/**
 * Queues work on a batch, within the caller's transaction. All kinds share one queue: jobs exclude each other by their key
 * within a queue only, and `SDMK_WORKERS` bounds one queue.
 */
export async function queueBatchJob(
  client: pg.ClientBase,
  queue: Pick<JobQueue, 'send'>,
  job: BatchJob
): Promise<void> {
  await queue.send('kki-apply', job, { client, singletonKey: keyOf(job) })
}

function keyOf(job: BatchJob): string {
  switch (job.kind) {
    // Both share a key, so that an approval waits until the job that planned the batch has ended.
    case 'apply':
    case 'approved':
      return String(job.batchId)
    // Only one job per key waits, so a separate key keeps a waiting approval from blocking an undo.
    case 'undo':
      return `undo-${job.batchId}`
    case 'reprocess':
      return `reprocess-${job.batchId}-${job.after}`
  }
}
