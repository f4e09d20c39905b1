import { SdmkError } from '../errors.ts'
import { counted, plural } from '../platform/plural.ts'

/** Another process has taken over the batch; this process must stop writing. */
export class FenceLost extends SdmkError {
  readonly code = 'SDMK_FENCE_LOST'

  constructor(batchId: number) {
    super(`Batch ${batchId} was taken over by another process; this process stops working on it`)
  }
}

/** The registry has changed since the plan was made; it is made again. */
export class PlanOutdated extends SdmkError {
  readonly code = 'SDMK_PLAN_OUTDATED'
  override readonly retryable = true

  constructor(batchId: number, moved: number) {
    super(
      `${counted(moved, 'row')} of the plan of batch ${batchId} ${plural(moved, 'is', 'are')} outdated; the plan is made again`
    )
  }
}

/** The database rejects the plan although it was made and applied under an exclusive lock: a fault of the plan. */
export class PlanUnfit extends SdmkError {
  readonly code = 'SDMK_PLAN_UNFIT'

  constructor(batchId: number, options: ErrorOptions) {
    super(
      `The database rejects the plan of batch ${batchId}, which was made under an exclusive lock; nothing was applied`,
      options
    )
  }
}

/** No person has this id. */
export class HealthWorkerNotFound extends SdmkError {
  readonly code = 'NOT_FOUND'

  constructor(id: number) {
    super(`There is no health worker ${id}.`)
  }
}

/** Another person has the NIK. The message does not say who, since a guessed number would then reveal its owner. */
export class NikTaken extends SdmkError {
  readonly code = 'NIK_TAKEN'

  constructor() {
    super('Another health worker has this NIK')
  }
}

/** SDMK knows no NIK of this person. */
export class NikAbsent extends SdmkError {
  readonly code = 'NIK_ABSENT'

  constructor(healthWorkerId: number) {
    super(`Health worker ${healthWorkerId} has no known NIK.`)
  }
}

/** The person's data is restricted: it is stored and shown to nobody. */
export class PersonRestricted extends SdmkError {
  readonly code = 'PERSON_RESTRICTED'

  constructor(healthWorkerId: number) {
    super(`The data of health worker ${healthWorkerId} is restricted.`)
  }
}

/** The person's data was erased. */
export class PersonErased extends SdmkError {
  readonly code = 'PERSON_ERASED'

  constructor(healthWorkerId: number) {
    super(`The data of health worker ${healthWorkerId} was erased.`)
  }
}

/** The law keeps the data for now, or staging still holds it. */
export class ErasureDenied extends SdmkError {
  readonly code = 'ERASURE_DENIED'
}
