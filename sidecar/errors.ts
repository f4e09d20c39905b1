/**
 * The base of every error class of the sidecar.
 *
 * `code` is stable and listed in `contracts/codes.yaml`; `retryable` says whether the same call may succeed later.
 * Messages say what failed and what happens next, never a name, NIK or STR number.
 */
export abstract class SdmkError extends Error {
  abstract readonly code: string
  readonly retryable: boolean = false

  override get name(): string {
    return this.constructor.name
  }
}

/** The configuration cannot be used. `variable` is the environment variable at fault; the process does not start. */
export class ConfigurationError extends SdmkError {
  readonly code = 'SDMK_CONFIGURATION'
  readonly variable: string

  constructor(variable: string, reason: string, options?: ErrorOptions) {
    super(`${variable}: ${reason}`, options)
    this.variable = variable
  }
}

/** The request is invalid; `field` is the part at fault, as a path below its body. */
export class RequestInvalid extends SdmkError {
  readonly code = 'VALIDATION_FAILED'
  readonly field: string

  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`)
    this.field = field
  }
}

/** Another transaction has changed the record since it was read. */
export class PreconditionFailed extends SdmkError {
  readonly code = 'PRECONDITION_FAILED'

  constructor(what: string) {
    super(`${what} has changed since it was read; read it again`)
  }
}

/** A required record is missing: the sidecar has never started on this database, or somebody removed it by hand. */
export class RecordMissing extends SdmkError {
  readonly code = 'SDMK_RECORD_MISSING'
}
