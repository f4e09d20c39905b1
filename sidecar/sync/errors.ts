import type { BatchState } from '../batch-terms.ts'
import { SdmkError } from '../errors.ts'

/** The integration is switched off, so no run can start. */
export class IntegrationDisabled extends SdmkError {
  readonly code = 'INTEGRATION_DISABLED'

  constructor() {
    super('The integration with KKI is switched off; switch it on before starting a run')
  }
}

/** A run of the same mode is open. */
export class RunOpen extends SdmkError {
  readonly code = 'RUN_OPEN'
  readonly runId: number

  constructor(mode: string, runId: number) {
    super(`Run ${runId} (${mode}) is not finished yet; wait for it or cancel it`)
    this.runId = runId
  }
}

/** The idempotency key was used before, for another request. */
export class IdempotencyConflict extends SdmkError {
  readonly code = 'IDEMPOTENCY_CONFLICT'

  constructor() {
    super('This Idempotency-Key was used for a different request; use a new one')
  }
}

/** The watermark is later than the present, so the start of the next window is unknown. */
export class WatermarkAhead extends SdmkError {
  readonly code = 'WATERMARK_AHEAD'

  constructor(position: Date) {
    super(
      `The watermark is ${position.toISOString()}, later than the clock of the database; start a full run, or move it ` +
        'back with "sdmk watermark set"'
    )
  }
}

/** A window ends before its start. */
export class WindowInverted extends SdmkError {
  readonly code = 'WINDOW_INVERTED'

  constructor(since: Date, until: Date) {
    super(
      `The window would start at ${since.toISOString()}, after its end at ${until.toISOString()}; ` +
        'compare KKI_OVERLAP with KKI_SETTLE, and the clocks'
    )
  }
}

/** The mapping no longer has the profession of a batch. */
export class ProfessionGone extends SdmkError {
  readonly code = 'PROFESSION_GONE'

  constructor(profession: string) {
    super(`The mapping has no code of KKI for the profession "${profession}" any more; start a new run`)
  }
}

/** Every attempt of a job of the batch ended in an unexpected error: a defect of the connector. */
export class BatchFault extends SdmkError {
  readonly code = 'SDMK_BATCH_FAULT'

  /** `told`: the summary of the last error by `tellError`. */
  constructor(batchId: number, attempts: number, told: string) {
    super(`Batch ${batchId} had an unexpected error in each of ${attempts} attempts, the last one: ${told}`)
  }
}

/** Every process that worked on the batch was lost. */
export class BatchWorkerLost extends SdmkError {
  readonly code = 'SDMK_BATCH_WORKER_LOST'

  constructor(batchId: number, attempts: number) {
    super(`Each of ${attempts} processes that worked on batch ${batchId} was lost, one after the other`)
  }
}

/** The rows of a file that was sent could not be stored after it was read. */
export class FileNotStored extends SdmkError {
  readonly code = 'SDMK_FILE_NOT_STORED'

  constructor(reason: string) {
    super(`The rows of the file could not be stored (${reason}); nothing of it was taken in. Load the file again`)
  }
}

/** No batch has this id. */
export class BatchNotFound extends SdmkError {
  readonly code = 'NOT_FOUND'

  constructor(batchId: number) {
    super(`There is no batch ${batchId}.`)
  }
}

/** The state of the batch does not allow the request. */
export class BatchStateConflict extends SdmkError {
  readonly code = 'BATCH_STATE'
  readonly batchId: number
  readonly state: BatchState

  constructor(batchId: number, state: BatchState, allowed: readonly BatchState[]) {
    super(`Batch ${batchId} is ${state}; only a batch that is ${allowed.join(' or ')} allows this`)
    this.batchId = batchId
    this.state = state
  }
}

/** The plan that was approved is not the plan that the batch has now. */
export class PlanChanged extends SdmkError {
  readonly code = 'PLAN_CHANGED'
  readonly batchId: number
  readonly planDigest: string | null

  constructor(batchId: number, planDigest: string | null) {
    super(`The plan of batch ${batchId} has changed; review the changes that it would make now`)
    this.batchId = batchId
    this.planDigest = planDigest
  }
}

/** No rejection has this id. */
export class RejectionNotFound extends SdmkError {
  readonly code = 'NOT_FOUND'

  constructor(rejectionId: number) {
    super(`There is no rejection ${rejectionId}.`)
  }
}

/** The rejection is not open. */
export class RejectionStateConflict extends SdmkError {
  readonly code = 'REJECTION_STATE'

  constructor(rejectionId: number, state: string, needed = 'open') {
    super(`Rejection ${rejectionId} is ${state}; only a rejection that is ${needed} allows this`)
  }
}

/** KKI has since sent the dismissed row with other content, which is open itself. */
export class RejectionOpenAgain extends SdmkError {
  readonly code = 'REJECTION_STATE'

  constructor(rejectionId: number, openId?: number) {
    super(
      `The row of rejection ${rejectionId} is already open${openId === undefined ? '' : `, as rejection ${openId}`}`
    )
  }
}

/** Assigning a person cannot resolve the rejection. */
export class RejectionNotResolvable extends SdmkError {
  readonly code = 'REJECTION_NOT_RESOLVABLE'

  constructor(rejectionId: number, reason: string) {
    super(`Rejection ${rejectionId} cannot be resolved to a person: ${reason}`)
  }
}

/** The rejection has no STR to request from KKI. */
export class RejectionNotRetriable extends SdmkError {
  readonly code = 'REJECTION_NOT_RETRIABLE'

  constructor(rejectionId: number) {
    super(`Rejection ${rejectionId} has no STR to request from KKI`)
  }
}

/** The row of the rejection was deleted after its retention. */
export class RowPurged extends SdmkError {
  readonly code = 'ROW_PURGED'

  constructor(rejectionId: number) {
    super(`The rows of rejection ${rejectionId} are no longer stored; retry requests them from KKI again`)
  }
}
