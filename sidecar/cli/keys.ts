import { Command, Option } from 'commander'
import { loadConfig } from '../config.ts'
import { openDatabase } from '../main.ts'
import { createApiKey, type Scope, scopes } from '../platform/api-key.ts'
import { createDatabase } from '../platform/database.ts'
import { createLogger } from '../platform/logger.ts'
import { initIdentity } from '../registry/identity.ts'
import { createFileSecretStore } from '../secrets/file.ts'

/** `sdmk keys`: the keys of callers, and the keys that seal identity numbers. */
export const keysCommand = () => {
  const keys = new Command('keys').description('make keys')
  keys
    .command('create <name>')
    .description('make an API key and print it; it is stored as a digest and cannot be shown again')
    .addOption(new Option('-s, --scope <scope...>', 'what the key may do').choices(scopes).makeOptionMandatory())
    .action(async (name: string, options: { scope: Scope[] }) => {
      const config = loadConfig(process.env, { talksToKki: false })
      const logger = createLogger('warn')
      const opened = await openDatabase(config, logger)
      const { pool } = createDatabase({ url: opened.url, maxConnections: 1 }, logger)
      try {
        console.log(await createApiKey(pool, name, options.scope))
      } finally {
        await pool.end()
        await opened.stop()
      }
    })
  keys
    .command('init')
    .description('make the keys that digest and seal identity numbers, unless there are some')
    .action(async () => {
      const config = loadConfig(process.env, { talksToKki: false })
      const isNew = await initIdentity(createFileSecretStore(config.secretsDir))
      console.log(
        isNew
          ? 'The keys are made. Keep a copy of the secret "nik-keys" apart from the database: without it no NIK can be read.'
          : 'There are keys already; they stay as they are.'
      )
    })
  return keys
}
