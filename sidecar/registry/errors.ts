import { SdmkError } from '../errors.ts'

/** Another process has taken the batch over; whoever meets this stops writing and leaves. */
export class FenceLost extends SdmkError {
  readonly code = 'SDMK_FENCE_LOST'

  constructor(batchId: number) {
    super(`Batch ${batchId} was taken over by another process; this one leaves it alone`)
  }
}

/** The registry moved since the plan was made; it is made again. */
export class PlanOutdated extends SdmkError {
  readonly code = 'SDMK_PLAN_OUTDATED'
  override readonly retryable = true

  constructor(batchId: number, moved: number) {
    super(`${moved} rows of the plan of batch ${batchId} no longer fit; the plan is made again`)
  }
}

/** The registry refuses the plan although it was made, and applied, with all others kept out: a fault of the plan. */
export class PlanUnfit extends SdmkError {
  readonly code = 'SDMK_PLAN_UNFIT'

  constructor(batchId: number, options: ErrorOptions) {
    super(`The registry refuses the plan of batch ${batchId}, made alone; nothing was applied`, options)
  }
}

/** A sealed value cannot be opened: its key is not among the keys, or it was altered. */
export class SealBroken extends SdmkError {
  readonly code = 'SDMK_SEAL_BROKEN'
}

/** There is nobody of this id. */
export class HealthWorkerNotFound extends SdmkError {
  readonly code = 'NOT_FOUND'

  constructor(id: number) {
    super(`There is no health worker ${id}.`)
  }
}

/** The NIK is somebody else's. */
export class NikTaken extends SdmkError {
  readonly code = 'NIK_TAKEN'
  readonly healthWorkerId: number

  constructor(healthWorkerId: number) {
    super(`The NIK is that of health worker ${healthWorkerId}`)
    this.healthWorkerId = healthWorkerId
  }
}

/** SDMK knows no NIK of this person. */
export class NikAbsent extends SdmkError {
  readonly code = 'NIK_ABSENT'

  constructor(healthWorkerId: number) {
    super(`No NIK is known of health worker ${healthWorkerId}.`)
  }
}
