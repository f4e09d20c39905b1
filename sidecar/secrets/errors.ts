import { SdmkError } from '../errors.ts'

/** The name of a secret has characters other than lower case letters, digits and hyphens. */
export class SecretNameInvalid extends SdmkError {
  readonly code = 'SDMK_SECRET_NAME_INVALID'

  constructor() {
    super('the name of a secret consists of lower case letters, digits and hyphens')
  }
}

/** A secret exists but cannot be used. `secret` is its name; the message never contains any of its content. */
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

/** The secret was changed since it was read; read it again. */
export class SecretChanged extends SdmkError {
  readonly code = 'SDMK_SECRET_CHANGED'
  override readonly retryable = true
  readonly secret: string

  constructor(secret: string) {
    super(`the secret "${secret}" has changed since it was read, and was not replaced`)
    this.secret = secret
  }
}

/** This part of the program has no access to the secret. The store was not asked whether it exists. */
export class SecretForbidden extends SdmkError {
  readonly code = 'SDMK_SECRET_FORBIDDEN'
  readonly secret: string

  constructor(secret: string) {
    super(`the secret "${secret}" is not for this part of the program, or not for the roles of this process`)
    this.secret = secret
  }
}
