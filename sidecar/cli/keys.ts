import { Command, Option } from 'commander'
import { loadConfig } from '../config.ts'
import { createApiKey, type Scope, scopes } from '../platform/api-key.ts'
import { createDatabase } from '../platform/database.ts'
import { migrate } from '../platform/migrations.ts'
import { initIdentity } from '../registry/identity.ts'
import { createFileSecretStore } from '../secrets/file.ts'
import { print, withDatabase } from './command.ts'

/** Returns `sdmk keys`. */
export function keysCommand(): Command {
  const create = new Command('create')
    .description('make an API key and print it; it cannot be read again')
    .argument('<name>', 'who or what will use it; unique among the keys in use')
    .addOption(new Option('--scope <scope...>', 'what it may do; give several').choices(scopes).makeOptionMandatory())
    .option('--json', 'print the result as JSON')
    .action((name: string, { scope, json }: { scope: Scope[]; json?: boolean }) =>
      withDatabase(async ({ database, logger }) => {
        if (database.embedded) await migrate({ databaseUrl: database.url, logger })
        const { pool } = createDatabase({ url: database.url, maxConnections: 1 }, logger)
        try {
          const { id, key } = await createApiKey(pool, name, scope)
          print(json, { id, name, scopes: scope, key }, [key])
        } finally {
          await pool.end()
        }
      })
    )
  const init = new Command('init')
    .description('make the keys that digest and seal identity numbers, unless there are some')
    .action(async () => {
      const { secretsDir } = loadConfig(process.env, { talksToKki: false })
      const isNew = await initIdentity(createFileSecretStore(secretsDir))
      print(false, null, [
        isNew
          ? 'The keys are made. Keep a copy of the secret "nik-keys" apart from the database: without it no NIK can be read.'
          : 'There are keys already; they stay as they are.'
      ])
    })
  return new Command('keys')
    .description('keys of callers, and keys that seal identity numbers')
    .addCommand(create)
    .addCommand(init)
}
