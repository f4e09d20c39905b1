import { Command } from 'commander'
import { migrate } from '../platform/migrations.ts'
import { print, withDatabase } from './command.ts'

/** Returns `sdmk migrate`. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('migrate the schema and the queues of the database to this version')
    .option('--grant-to <role>', 'grant this role only the rights that the running service needs')
    .option('--json', 'print the result as JSON')
    .action(({ grantTo, json }: { grantTo?: string; json?: boolean }) =>
      withDatabase(async ({ database: { ownerUrl, serviceRole }, logger }) => {
        const result = await migrate({ databaseUrl: ownerUrl, grantTo: grantTo ?? serviceRole ?? undefined, logger })
        if (result.isNewer) {
          const version = `The database is at version ${result.to}`
          print(json, result, [
            `${version}. A newer version of the connector has migrated it, and nothing was changed.`
          ])
          return
        }
        const lines = result.applied.map(({ version, name }) => `applied ${version} ${name}`)
        print(json, result, [...lines, `The database is at version ${result.to} (was ${result.from}).`])
      })
    )
}
