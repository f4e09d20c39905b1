import { Command } from 'commander'
import { migrate } from '../platform/migrations.ts'
import { print, withDatabase } from './command.ts'

/** Returns `sdmk migrate`. */
export function migrateCommand(): Command {
  return new Command('migrate')
    .description('bring the schema and the queues of the database up to this version')
    .option('--json', 'print the result as JSON')
    .action(({ json }: { json?: boolean }) =>
      withDatabase(async ({ database, logger }) => {
        const result = await migrate({ databaseUrl: database.url, logger })
        const lines = result.applied.map(({ version, name }) => `applied ${version} ${name}`)
        print(json, result, [...lines, `The database is at version ${result.to} (was ${result.from}).`])
      })
    )
}
