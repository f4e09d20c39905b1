import { SdmkError } from '../errors.ts'

/** The name of a secret holds something else than lower case letters, digits and hyphens. */
export class SecretNameInvalid extends SdmkError {
  readonly code = 'SDMK_SECRET_NAME_INVALID'

  constructor() {
    super('the name of a secret consists of lower case letters, digits and hyphens')
  }
}

/** A secret exists but cannot be used. `secret` is its name; the message never holds any of its content. */
export class SecretUnreadable extends SdmkError {
  readonly code = 'SDMK_SECRET_UNREADABLE'
  readonly secret: string

  constructor(secret: string, reason: string, options?: ErrorOptions) {
    super(`the secret "${secret}" cannot be read: ${reason}`, options)
    this.secret = secret
  }
}

/** A secret could not be stored; the former one, if any, is still in place. */
export class SecretUnwritable extends SdmkError {
  readonly code = 'SDMK_SECRET_UNWRITABLE'
  readonly secret: string

  constructor(secret: string, reason: string, options?: ErrorOptions) {
    super(`the secret "${secret}" cannot be stored: ${reason}`, options)
    this.secret = secret
  }
}
