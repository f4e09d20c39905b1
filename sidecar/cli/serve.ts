import closeWithGrace from 'close-with-grace'
import { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { startSidecar } from '../main.ts'
import { createLogger } from '../platform/logger.ts'

/** `sdmk serve`: the sidecar, until it is told to stop. */
export const serveCommand = () =>
  new Command('serve').description('run the sidecar until SIGINT or SIGTERM').action(async () => {
    const config = loadConfig(process.env)
    const logger = createLogger(config.logLevel)
    const sidecar = await startSidecar(config, { logger })
    // Jobs get the shutdown timeout; the rest is for connections and the embedded database.
    closeWithGrace({ delay: config.shutdownTimeoutSeconds * 1000 + 30_000, logger: false }, async ({ err, signal }) => {
      if (err) logger.fatal({ err }, 'the sidecar stops because of an error that nobody caught')
      else logger.info({ signal }, 'the sidecar stops')
      await sidecar.close()
    })
  })
