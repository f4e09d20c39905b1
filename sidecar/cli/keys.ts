import { Command, Option } from 'commander'
import type pg from 'pg'
import { adoptApiKey, issueApiKey, withdrawApiKey } from '../api/api-keys.ts'
import { loadConfig } from '../config.ts'
import { identitySecret, initIdentity } from '../identity/keys.ts'
import { listApiKeys } from '../platform/api-key.ts'
import { quote } from '../platform/printable-text.ts'
import { type Scope, scopes } from '../platform/scopes.ts'
import { readTextFile } from '../platform/strict-text.ts'
import { asOwner } from './as-owner.ts'
import { commandCaller, print, withDatabase } from './command.ts'
import { rotateCommand } from './rotate-keys.ts'
import { withSecret } from './with-secret.ts'

/** Returns `sdmk keys`: API keys, and the keys that seal identity numbers. */
export function keysCommand(): Command {
  return new Command('keys')
    .description('create, list and revoke keys')
    .addCommand(createCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand())
    .addCommand(initCommand())
    .addCommand(rotateCommand())
}

interface CreateOptions {
  scope: Scope[]
  keyFile?: string
  json?: boolean
}

function createCommand(): Command {
  return new Command('create')
    .description('create an API key and print it; it cannot be shown again')
    .argument('<name>', 'name of its user or program; unique among the valid keys')
    .addOption(
      new Option('-s, --scope <scope...>', 'rights of the key; accepts several').choices(scopes).makeOptionMandatory()
    )
    .option('--key-file <file>', 'read the key from this file instead; it replaces the valid key of this name')
    .option('--json', 'print the result as JSON')
    .action(async (name: string, { scope, keyFile, json }: CreateOptions) => {
      if (keyFile === undefined) {
        const { id, key } = await inDatabase(client => issueApiKey(client, name, scope, commandCaller()))
        return print(json, { id, name, scopes: scope, key }, [key])
      }
      const key = (await readTextFile(keyFile)).trim()
      const id = await inDatabase(client => adoptApiKey(client, name, scope, key, commandCaller()))
      print(json, { id, name, scopes: scope }, [`The key of ${keyFile} is in use as ${quote(name)}.`])
    })
}

function listCommand(): Command {
  return new Command('list')
    .description('list the valid API keys, with the time of their last use')
    .option('--json', 'print them as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const keys = await inDatabase(listApiKeys)
      const lines = keys.map(({ name, scopes: allowed, createdAt, lastUsedAt }) => {
        const used = lastUsedAt ? `last used ${lastUsedAt.toISOString()}` : 'never used'
        return `${quote(name)}: ${allowed.join(' ')} (made ${createdAt.toISOString()}, ${used})`
      })
      print(json, keys, lines.length > 0 ? lines : ['There is no valid API key.'])
    })
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('revoke an API key; running services deny it within ten seconds')
    .argument('<name>', 'its name')
    .option('--json', 'print the result as JSON')
    .action(async (name: string, { json }: { json?: boolean }) => {
      const id = await inDatabase(client => withdrawApiKey(client, name, commandCaller()))
      print(json, { id, name }, [`The API key ${quote(name)} is revoked.`])
    })
}

function initCommand(): Command {
  return new Command('init')
    .description(
      'create the keys that digest and seal identity numbers and sign the audit; existing keys stay unchanged'
    )
    .action(async () => {
      const config = loadConfig(process.env, { talksToKki: false })
      const isNew = await withSecret(config, identitySecret, initIdentity)
      print(false, null, [
        isNew
          ? 'The keys were created. Keep a copy of the secret "nik-keys" apart from the database: without it no NIK can be read and no audit verified.'
          : 'The keys already exist and were not changed.'
      ])
    })
}

function inDatabase<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  return withDatabase(({ database: { ownerUrl }, logger }) => asOwner(ownerUrl, logger, work))
}
