import { Command, Option } from 'commander'
import { loadConfig } from '../config.ts'
import { createApiKey, type Scope, scopes } from '../platform/api-key.ts'
import { createDatabase } from '../platform/database.ts'
import { assertMigrated } from '../platform/migrations.ts'
import { identitySecret, initIdentity } from '../registry/identity.ts'
import { print, withDatabase } from './command.ts'
import { withSecret } from './with-secret.ts'

/** Returns `sdmk keys`: the keys of callers, and the keys that seal identity numbers. */
export function keysCommand(): Command {
  return new Command('keys').description('make keys').addCommand(createCommand()).addCommand(initCommand())
}

function createCommand(): Command {
  return new Command('create')
    .description('make an API key and print it; it cannot be shown again')
    .argument('<name>', 'who or what will use it; unique among the keys in use')
    .addOption(
      new Option('-s, --scope <scope...>', 'what it may do; give several').choices(scopes).makeOptionMandatory()
    )
    .option('--json', 'print the result as JSON')
    .action((name: string, { scope, json }: { scope: Scope[]; json?: boolean }) =>
      withDatabase(async ({ database, logger }) => {
        const { pool } = createDatabase({ url: database.url, maxConnections: 1 }, logger)
        try {
          await assertMigrated(pool)
          const { id, key } = await createApiKey(pool, name, scope)
          print(json, { id, name, scopes: scope, key }, [key])
        } finally {
          await pool.end()
        }
      })
    )
}

function initCommand(): Command {
  return new Command('init')
    .description('make the keys that digest and seal identity numbers, unless there are some')
    .action(async () => {
      const config = loadConfig(process.env, { talksToKki: false })
      const isNew = await withSecret(config, identitySecret, initIdentity)
      print(false, null, [
        isNew
          ? 'The keys are made. Keep a copy of the secret "nik-keys" apart from the database: without it no NIK can be read.'
          : 'There are keys already; they stay as they are.'
      ])
    })
}
