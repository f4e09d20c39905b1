import { SdmkError } from '../errors.ts'

/** PostgreSQL cannot be used. The message names only host and port of the server, never the login. */
export class DatabaseUnavailable extends SdmkError {
  readonly code = 'SDMK_DATABASE_UNAVAILABLE'
  override readonly retryable = true

  /** @param setting the variable that names the server */
  constructor(server: string, reason: string, options?: ErrorOptions, setting = 'SDMK_DATABASE_URL') {
    super(`${setting}: the database at ${server} ${reason}`, options)
  }
}

/** The embedded PostgreSQL cannot be set up or started; the message has a remedy. */
export class EmbeddedDatabaseFailed extends SdmkError {
  readonly code = 'SDMK_EMBEDDED_DATABASE'
}

/** The database lacks the schema version that this program needs. */
export class SchemaBehind extends SdmkError {
  readonly code = 'SDMK_SCHEMA_BEHIND'

  constructor(reason: string, options?: ErrorOptions) {
    super(`${reason}; run "sdmk migrate" first`, options)
  }
}

/** The schema is not the one that this program was made for, and `sdmk migrate` of this program cannot change that. */
export class SchemaForeign extends SdmkError {
  readonly code = 'SDMK_SCHEMA_FOREIGN'
}

/** A migration failed; the database has no part of it, nor of earlier ones in the same call. */
export class MigrationFailed extends SdmkError {
  readonly code = 'SDMK_MIGRATION_FAILED'
}

/** The store of secrets is sealed, unreachable, overloaded or full; the secrets themselves are valid. */
export class SecretStoreUnavailable extends SdmkError {
  readonly code = 'SDMK_SECRET_STORE_UNAVAILABLE'
  override readonly retryable = true

  /** `store` begins with the variable that names it, `reason` completes the sentence. */
  constructor(store: string, reason: string) {
    // No cause: the client library's errors contain the request, and with it the token.
    super(`${store} ${reason}`)
  }
}
