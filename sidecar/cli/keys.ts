import { readFile } from 'node:fs/promises'
import { Command, Option } from 'commander'
import { loadConfig } from '../config.ts'
import { createApiKey, type Scope, scopes, setApiKey } from '../platform/api-key.ts'
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
    .option('--key-file <file>', 'take the key from this file instead; it replaces the one in use under this name')
    .option('--json', 'print the result as JSON')
    .action((name: string, { scope, keyFile, json }: { scope: Scope[]; keyFile?: string; json?: boolean }) =>
      withDatabase(async ({ database, logger }) => {
        const { pool, withTransaction } = createDatabase({ url: database.url, maxConnections: 1 }, logger)
        try {
          await assertMigrated(pool)
          if (keyFile === undefined) {
            const { id, key } = await createApiKey(pool, name, scope)
            print(json, { id, name, scopes: scope, key }, [key])
          } else {
            const key = (await readFile(keyFile, 'utf8')).trim()
            const id = await withTransaction(client => setApiKey(client, name, scope, key))
            print(json, { id, name, scopes: scope }, [`The key of ${keyFile} is in use as "${name}".`])
          }
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
