import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { startEmbeddedDatabase } from './embedded-database.ts'

export interface OpenDatabase {
  url: string
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
  if (config.databaseUrl !== null) return { url: config.databaseUrl, embedded: false, close: async () => undefined }
  const database = await startEmbeddedDatabase({ directory: config.dataDir, logger })
  const keep = shared && database.adopted
  return { url: database.url, embedded: true, close: async () => (keep ? undefined : database.stop()) }
}
