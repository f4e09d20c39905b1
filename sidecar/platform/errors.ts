import { SdmkError } from '../errors.ts'

/** PostgreSQL cannot be used. The message names the server by host and port alone, never the login. */
export class DatabaseUnavailable extends SdmkError {
  readonly code = 'SDMK_DATABASE_UNAVAILABLE'
  override readonly retryable = true

  constructor(server: string, reason: string, options?: ErrorOptions) {
    super(`SDMK_DATABASE_URL: the database at ${server} ${reason}`, options)
  }
}

/** The embedded PostgreSQL cannot be set up or started; the message says what would cure it. */
export class EmbeddedDatabaseFailed extends SdmkError {
  readonly code = 'SDMK_EMBEDDED_DATABASE'
}

/** The database's schema is not the one that this program needs. */
export class SchemaBehind extends SdmkError {
  readonly code = 'SDMK_SCHEMA_BEHIND'

  constructor(reason: string, options?: ErrorOptions) {
    super(`${reason}; run "sdmk migrate" first`, options)
  }
}

/** A migration could not be applied; nothing of it, nor of those before it in the same call, is in the database. */
export class MigrationFailed extends SdmkError {
  readonly code = 'SDMK_MIGRATION_FAILED'
}

/** The store of secrets is sealed, out of reach, overloaded or full; nothing is wrong with the secrets. */
export class SecretStoreUnavailable extends SdmkError {
  readonly code = 'SDMK_SECRET_STORE_UNAVAILABLE'
  override readonly retryable = true

  /** `store` begins with the variable that names it, `reason` completes the sentence. */
  constructor(store: string, reason: string) {
    // No cause: the client library's errors carry the request, and with it the token.
    super(`${store} ${reason}`)
  }
}
