import { SdmkError } from '../errors.ts'
import type { SealPlace } from './seal-place.ts'

/** A sealed value that cannot be used in its row. Column and row identify the place and show nothing of the value. */
export abstract class SealFault extends SdmkError {
  readonly column: string
  readonly row: string
  abstract readonly fault: string

  constructor({ column, row }: SealPlace, reason: string, options?: ErrorOptions) {
    super(`${column} of ${row}: ${reason}`, options)
    this.column = column
    this.row = row
  }
}

/** The key that sealed a value is not among the keys. */
export class SealBroken extends SealFault {
  readonly code = 'SDMK_SEAL_BROKEN'
  readonly fault = 'key'

  constructor(place: SealPlace, keyName: string) {
    super(place, `the value was sealed with a key that the secret lacks ("${keyName}")`)
  }
}

const unfit = {
  altered: 'the sealed value was altered, or it belongs to another row or field',
  digest: 'the sealed value does not match the digest in its row',
  content: 'the sealed row is about another STR than its rejection',
  unbound: 'the value was sealed by a former version, without its row; "sdmk keys rotate" seals it again'
}

/** A sealed value was altered, or moved to another row or field. */
export class SealUnfit extends SealFault {
  readonly code = 'SDMK_SEAL_UNFIT'
  readonly fault: keyof typeof unfit

  constructor(place: SealPlace, fault: keyof typeof unfit, options?: ErrorOptions) {
    super(place, unfit[fault], options)
    this.fault = fault
  }
}

/** The secret lacks the digest key of this registry, so no NIK would match. */
export class DigestKeyUnknown extends SdmkError {
  readonly code = 'SDMK_DIGEST_KEY_UNKNOWN'
  override readonly retryable = true

  constructor() {
    super(
      'the secret "nik-keys" has a digest key other than that of this registry; if a rotation was interrupted, run "sdmk keys rotate --digest" again, otherwise restore the copy of the secret that belongs to this database'
    )
  }
}

/** Another process uses the digest key, or a rotation is running: they exclude each other. */
export class DigestKeyHeld extends SdmkError {
  readonly code = 'SDMK_DIGEST_KEY_HELD'
  override readonly retryable = true

  constructor(reason: string) {
    super(`the digest key is in use: ${reason}`)
  }
}
