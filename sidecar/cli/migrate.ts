import { Command } from 'commander'
import { migrate } from '../platform/migrations.ts'
import { print, withDatabase } from './command.ts'

/** Returns `sdmk migrate`. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the schema and the queues of the database up to this version')
    .option('--grant-to <role>', 'give this role what the running service needs, and no more')
    .option('--json', 'print the result as JSON')
    .action(({ grantTo, json }: { grantTo?: string; json?: boolean }) =>
      withDatabase(async ({ database: { ownerUrl, serviceRole }, logger }) => {
        const result = await migrate({ databaseUrl: ownerUrl, grantTo: grantTo ?? serviceRole ?? undefined, logger })
        const lines = result.applied.map(({ version, name }) => `applied ${version} ${name}`)
        print(json, result, [...lines, `The database is at version ${result.to} (was ${result.from}).`])
      })
    )
}
