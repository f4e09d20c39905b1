import closeWithGrace from 'close-with-grace'
import type { Logger } from 'pino'
import { type App, type AppOptions, buildApp } from './app.ts'
import { type Config, loadConfig } from './config.ts'
import { ConfigurationError } from './errors.ts'
import { createLogger } from './platform/logger.ts'
import { migrate } from './platform/migrations.ts'
import { openDatabase } from './platform/open-database.ts'
import { keepHeapSmall } from './platform/small-heap.ts'
import { record } from './platform/tracing.ts'

/** Time that stopping may take beyond the jobs: connections, and the embedded database's last checkpoint. */
const stopGraceSeconds = 30

export interface Service {
  app: App
  /** Its address; `null` if it does not listen. */
  url: string | null
  /** For the database login that creates API keys. */
  ownerUrl: string
  /** Ends jobs and requests, then the connections, then the embedded database. */
  close(): Promise<void>
}

export interface StartOptions extends Pick<AppOptions, 'logger' | 'onDigestKeyLost'> {
  /** False for a command that runs next to the service: it leaves the service's embedded database running. */
  listen?: boolean
}

/**
 * Returns the running sidecar. With the embedded database the migrations are applied first; any other database must
 * have been migrated.
 *
 * @throws ConfigurationError, DatabaseUnavailable, SchemaBehind, SchemaForeign, EmbeddedDatabaseFailed; nothing is left
 *   running then.
 */
export async function startService(config: Config, options: StartOptions = {}): Promise<Service> {
  const { logger = createLogger(config.logLevel), listen = true, ...rest } = options
  const database = await openDatabase(config, logger, { shared: !listen })
  let app: App | undefined
  let stopTracing: (() => Promise<void>) | undefined
  const close = async () => {
    try {
      await app?.close()
    } finally {
      // The database last, because closing the app still writes to it.
      await database.close()
      await stopTracing?.()
    }
  }
  try {
    stopTracing = await startTracing(config, logger)
    if (database.embedded) {
      await migrate({ databaseUrl: database.ownerUrl, grantTo: database.serviceRole ?? undefined, logger })
    }
    app = await buildApp(config, { ...rest, logger, databaseUrl: database.url, keepsTime: listen })
    return { app, url: listen ? await listenOn(app, config) : null, ownerUrl: database.ownerUrl, close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Runs the sidecar until a signal: SIGTERM and SIGINT end it with exit code 0, a second signal at once with 1.
 *
 * @throws what `startService` throws.
 */
export async function serve(env: NodeJS.ProcessEnv): Promise<void> {
  keepHeapSmall()
  const config = loadConfig(env)
  const logger = createLogger(config.logLevel)
  const starting = startService(config, {
    logger,
    // The service manager starts the process again, which then reads the current secrets.
    onDigestKeyLost: error => process.emit('uncaughtException', error)
  })
  closeWithGrace(
    { delay: (config.shutdownTimeoutSeconds + stopGraceSeconds) * 1000, logger },
    async ({ err, signal }) => {
      if (err) logger.fatal({ err }, 'the service stops because of an unhandled error')
      else logger.info({ signal }, 'the service stops')
      // A signal during the start waits for its end, so that nothing half started is left.
      const service = await starting.catch(() => null)
      await service?.close()
      logger.info('the service has stopped')
    }
  )
  const { url } = await starting
  logger.info({ url, roles: config.roles }, 'the service is ready')
}

/**
 * Exports spans if the configuration has an endpoint; only then OpenTelemetry is loaded. Returns a function that ends
 * it.
 */
async function startTracing({ tracing }: Config, logger: Logger): Promise<(() => Promise<void>) | undefined> {
  if (tracing === null) return undefined
  const { createOtlpRecorder } = await import('./platform/otlp.ts')
  const recorder = await createOtlpRecorder({ ...tracing, logger })
  record(recorder)
  return async () => {
    record(null)
    await recorder.close()
  }
}

async function listenOn(app: App, config: Config): Promise<string> {
  try {
    return await app.listen({ host: config.host, port: config.port })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const address = `${config.host}:${config.port}`
    if (code === 'EADDRINUSE') throw new ConfigurationError('SDMK_PORT', `${address} is in use by another program`)
    if (code === 'EACCES') throw new ConfigurationError('SDMK_PORT', `this user may not listen on ${address}`)
    if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND') {
      throw new ConfigurationError('SDMK_HOST', `${config.host} is not an address of this machine`)
    }
    throw error
  }
}
