import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { serviceRole, startEmbeddedDatabase } from './embedded-database.ts'

export interface OpenDatabase {
  /** For the login of the service. */
  url: string
  /** For the login that migrates and creates API keys; the same URL if the configuration has only one. */
  ownerUrl: string
  /** The service's role, if it is known to differ from the owner. */
  serviceRole: string | null
  /** True for the embedded database under `SDMK_DATA_DIR`. */
  embedded: boolean
  /** Stops the embedded database; does nothing for any other. */
  close(): Promise<void>
}

/**
 * Returns the database of the configuration: the one of `SDMK_DATABASE_URL`, without connecting to it, or the embedded one,
 * started.
 *
 * @param shared true for short commands: an embedded database that was already running is then left running.
 */
export async function openDatabase(
  config: Pick<Config, 'databaseUrl' | 'dataDir'>,
  logger: Logger,
  { shared = false } = {}
): Promise<OpenDatabase> {
  if (config.databaseUrl !== null) {
    const url = config.databaseUrl
    return { url, ownerUrl: url, serviceRole: null, embedded: false, close: async () => undefined }
  }
  const database = await startEmbeddedDatabase({ directory: config.dataDir, logger })
  const keep = shared && database.adopted
  return {
    url: database.serviceUrl,
    ownerUrl: database.url,
    serviceRole,
    embedded: true,
    close: async () => (keep ? undefined : database.stop())
  }
}
