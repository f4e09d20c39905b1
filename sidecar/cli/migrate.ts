import { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { startEmbeddedDatabase } from '../platform/embedded-database.ts'
import { createLogger } from '../platform/logger.ts'
import { migrate } from '../platform/migrations.ts'

/** `sdmk migrate`: brings the database's schema and queues up to this version. */
export const migrateCommand = () =>
  new Command('migrate')
    .description('bring the schema and the queues of the database up to this version')
    .option('--json', 'print the result as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const config = loadConfig(process.env, { talksToKki: false })
      const logger = createLogger('warn')
      const embedded =
        config.databaseUrl === null ? await startEmbeddedDatabase({ directory: config.dataDir, logger }) : null
      try {
        const result = await migrate({ databaseUrl: config.databaseUrl ?? (embedded?.url as string), logger })
        if (json) console.log(JSON.stringify(result))
        else if (result.from === result.to)
          console.log(`The schema is at version ${result.to}; there was nothing to do.`)
        else console.log(`The schema went from version ${result.from} to ${result.to}.`)
      } finally {
        await embedded?.stop()
      }
    })
