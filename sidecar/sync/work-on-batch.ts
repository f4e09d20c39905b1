import { applyBatch } from './apply-batch.ts'
import { applyApproved } from './approve.ts'
import { attemptBatch } from './attempts.ts'
import type { BatchJob } from './batch-job.ts'
import type { ReviewContext } from './open-rejections.ts'
import type { ApplyContext } from './plan-and-apply.ts'
import { reprocessAffected } from './reprocess.ts'
import { carryOutUndo } from './undo-batch.ts'

/** Runs the work of a job, as one of its attempts. @throws what `attemptBatch` throws */
export function workOnBatch(
  context: ApplyContext,
  review: ReviewContext,
  job: BatchJob,
  signal: AbortSignal
): Promise<void> {
  const { batchId, kind } = job
  return attemptBatch(context, { batchId, kind, signal }, () => perform(context, review, job))
}

function perform(context: ApplyContext, review: ReviewContext, job: BatchJob): Promise<void> {
  switch (job.kind) {
    case 'apply':
      return applyBatch(context, job.batchId)
    case 'approved':
      return applyApproved(context, job.batchId, job.approval)
    case 'undo':
      return carryOutUndo(context, job.batchId, job.undo)
    case 'reprocess':
      return reprocessAffected(context, review, job.batchId, job)
  }
}
