import type { Logger } from 'pino'
import { type App, buildApp } from './app.ts'
import type { Config } from './config.ts'
import { startEmbeddedDatabase } from './platform/embedded-database.ts'
import { createLogger } from './platform/logger.ts'
import { migrate } from './platform/migrations.ts'

export interface Sidecar {
  app: App
  databaseUrl: string
  /** Where the API answers, or null where it was told not to listen. */
  address: string | null
  /** Ends jobs and connections, then the embedded database. */
  close(): Promise<void>
}

export interface StartOptions {
  logger?: Logger
  /** False for a command that works beside a running service. */
  listen?: boolean
  /** Another port than the configuration's. */
  port?: number
}

/**
 * Starts the sidecar: the embedded database where no other is configured, the app, the port. The embedded database is
 * migrated on the way; another one is migrated by `sdmk migrate`.
 */
export async function startSidecar(config: Config, options: StartOptions = {}): Promise<Sidecar> {
  const logger = options.logger ?? createLogger(config.logLevel)
  const database = await openDatabase(config, logger)
  let app: App | undefined
  const close = async () => {
    // The database last: what the app ends, it ends in the database.
    await app?.close()
    await database.stop()
  }
  try {
    app = await buildApp(config, { logger, databaseUrl: database.url })
    const { listen = true, port = config.port } = options
    const address = listen ? await app.listen({ host: config.host, port }) : null
    return { app, databaseUrl: database.url, address, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Returns the configured database, or the embedded one, started and migrated. */
export async function openDatabase(
  config: Config,
  logger: Logger
): Promise<{ url: string; stop: () => Promise<void> }> {
  if (config.databaseUrl !== null) return { url: config.databaseUrl, stop: async () => {} }
  const embedded = await startEmbeddedDatabase({ directory: config.dataDir, logger })
  try {
    await migrate({ databaseUrl: embedded.url, logger })
    return embedded
  } catch (error) {
    await embedded.stop()
    throw error
  }
}
