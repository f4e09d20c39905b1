import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { serviceRole, startEmbeddedDatabase } from './embedded-database.ts'

export interface OpenDatabase {
  /** Of the login that the service works with. */
  url: string
  /** Of the login that migrates and makes API keys; the same where the configuration names one alone. */
  ownerUrl: string
  /** The service's role, where it is known that it is another than the owner. */
  serviceRole: string | null
  /** True for the one under `SDMK_DATA_DIR`. */
  embedded: boolean
  /** Stops the embedded database; leaves any other alone. */
  close(): Promise<void>
}

/**
 * Returns the database of the configuration: the one of `SDMK_DATABASE_URL`, which is not looked at here, or the
 * embedded one, started.
 *
 * @param shared true for short commands: an embedded database that ran before is then left running for who uses it.
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
