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

/** The secret has not the digest key that the registry was made with; its NIKs would match nobody. */
export class DigestKeyUnknown extends SdmkError {
  readonly code = 'SDMK_DIGEST_KEY_UNKNOWN'
  override readonly retryable = true

  constructor() {
    super(
      'the secret "nik-keys" holds other digest keys than the one this registry was made with; put the copy of the secret that belongs to this database in its place'
    )
  }
}

/** The digest key was switched after these rows had been digested; they are digested anew. */
export class DigestKeyChanged extends SdmkError {
  readonly code = 'SDMK_DIGEST_KEY_CHANGED'
  override readonly retryable = true

  constructor(batchId: number) {
    super(`The digest key was switched while pages of batch ${batchId} were on their way; they are fetched again`)
  }
}

/** A stored digest is not that of the sealed value beside it, so that no other key can take its place. */
export class DigestUnfit extends SdmkError {
  readonly code = 'SDMK_DIGEST_UNFIT'

  constructor(table: string) {
    super(`A digest in ${table} is not that of the sealed value beside it; the digest key was not switched`)
  }
}

/** Others held the digest key, or wrote, whenever it was to be switched. */
export class DigestKeyHeld extends SdmkError {
  readonly code = 'SDMK_DIGEST_KEY_HELD'
  override readonly retryable = true

  constructor(options: ErrorOptions) {
    super('Batches were under way all the while, and the digest key was not switched; call again, it goes on', options)
  }
}

/** There is nobody of this id. */
export class HealthWorkerNotFound extends SdmkError {
  readonly code = 'NOT_FOUND'

  constructor(id: number) {
    super(`There is no health worker ${id}.`)
  }
}

/** Another person has the NIK. It does not say who: a guessed number would name its owner. */
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
    super(`No NIK is known of health worker ${healthWorkerId}.`)
  }
}
