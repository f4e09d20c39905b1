import { RequestInvalid } from '../errors.ts'
import { Problem } from '../platform/problem.ts'
import { PlanChanged, RunOpen } from '../sync/errors.ts'

/** Throws the error as an answer with details that the caller needs: the invalid field, the conflicting run, the new plan. */
export function deny(error: unknown): never {
  if (error instanceof RunOpen) throw new Problem('RUN_OPEN', error.message, { runId: error.runId })
  if (error instanceof PlanChanged) {
    throw new Problem('PLAN_CHANGED', error.message, { batchId: error.batchId, planDigest: error.planDigest })
  }
  if (error instanceof RequestInvalid) {
    const field = `/body/${error.field}`
    throw new Problem('VALIDATION_FAILED', `Not valid: ${field}`, {
      errors: [{ field, message: error.message.slice(error.field.length + 2) }]
    })
  }
  throw error
}
