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

/** Returns `sdmk keys`: the keys of callers, and the keys that seal identity numbers. */
export function keysCommand(): Command {
  return new Command('keys')
    .description('make, list and revoke keys')
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
    .description('make an API key and print it; it cannot be shown again')
    .argument('<name>', 'who or what will use it; unique among the keys in use')
    .addOption(
      new Option('-s, --scope <scope...>', 'what it may do; give several').choices(scopes).makeOptionMandatory()
    )
    .option('--key-file <file>', 'take the key from this file instead; it replaces the one in use under this name')
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
    .description('list the API keys in use, and when each was last used')
    .option('--json', 'print them as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const keys = await inDatabase(listApiKeys)
      const lines = keys.map(({ name, scopes: allowed, createdAt, lastUsedAt }) => {
        const used = lastUsedAt ? `last used ${lastUsedAt.toISOString()}` : 'never used'
        return `${quote(name)}: ${allowed.join(' ')} (made ${createdAt.toISOString()}, ${used})`
      })
      print(json, keys, lines.length > 0 ? lines : ['There is no API key in use.'])
    })
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('take an API key out of use; running services refuse it within ten seconds')
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
      'make the keys that digest and seal identity numbers and sign the audit; keys that exist stay as they are'
    )
    .action(async () => {
      const config = loadConfig(process.env, { talksToKki: false })
      const isNew = await withSecret(config, identitySecret, initIdentity)
      print(false, null, [
        isNew
          ? 'The keys are made. Keep a copy of the secret "nik-keys" apart from the database: without it no NIK can be read and no audit verified.'
          : 'There are keys already; they stay as they are.'
      ])
    })
}

function inDatabase<T>(work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  return withDatabase(({ database: { ownerUrl }, logger }) => asOwner(ownerUrl, logger, work))
}
