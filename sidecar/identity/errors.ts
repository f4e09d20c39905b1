import { SdmkError } from '../errors.ts'
import type { SealPlace } from './seal-place.ts'

/** A sealed value that cannot be used where it stands. Column and row name the place, and nothing of what it holds. */
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
    super(place, `the value was sealed with a key that is not at hand ("${keyName}")`)
  }
}

const unfit = {
  altered: 'the sealed value was altered, or it belongs to another place',
  digest: 'the sealed value is not the one of the digest beside it',
  content: 'the sealed row is about another STR than its rejection',
  unbound: 'the value was sealed by a former version that bound it to no row; "sdmk keys rotate" seals it anew'
}

/** A sealed value was altered, or it was moved to where it does not belong. */
export class SealUnfit extends SealFault {
  readonly code = 'SDMK_SEAL_UNFIT'
  readonly fault: keyof typeof unfit

  constructor(place: SealPlace, fault: keyof typeof unfit, options?: ErrorOptions) {
    super(place, unfit[fault], options)
    this.fault = fault
  }
}

/** The secret has not the digest key that the registry was made with; its NIKs would match nobody. */
export class DigestKeyUnknown extends SdmkError {
  readonly code = 'SDMK_DIGEST_KEY_UNKNOWN'
  override readonly retryable = true

  constructor() {
    super(
      'the secret "nik-keys" holds another digest key than the one this registry was made with; where a rotation was interrupted, call "sdmk keys rotate --digest" again, else put the copy of the secret that belongs to this database in its place'
    )
  }
}

/** Processes that use the digest key keep a rotation out, and a rotation keeps them out. */
export class DigestKeyHeld extends SdmkError {
  readonly code = 'SDMK_DIGEST_KEY_HELD'
  override readonly retryable = true

  constructor(reason: string) {
    super(`the digest key is in use: ${reason}`)
  }
}
