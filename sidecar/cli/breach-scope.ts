import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { Command, Option } from 'commander'
import { type BreachScope, readAffected, readBreachScope } from '../audit/breach-scope.ts'
import { dataKinds } from '../audit/disclosure-channels.ts'
import { RequestInvalid } from '../errors.ts'
import { counted } from '../platform/plural.ts'
import { quote } from '../platform/printable-text.ts'
import { inTransaction, oneMomentReadOnly } from '../platform/transaction.ts'
import { print, withPool } from './command.ts'
import { type InstantOrDay, instantOrDay, instantOrDayForm, toInstant } from './values.ts'

interface ScopeOptions {
  key?: string
  actor?: string
  since: InstantOrDay
  until?: InstantOrDay
  ids?: string
  json?: boolean
}

/**
 * Returns `sdmk breach-scope`: reports whose data a key or an operator was shown, for the breach notice that the law
 * requires.
 */
export function breachScopeCommand(): Command {
  return new Command('breach-scope')
    .description('report how many people’s data a key or an operator was shown, which data, and when')
    .option('-k, --key <name>', 'the API key; revoked keys of that name are included')
    .option('-a, --actor <login>', 'the operator; with a key, what that key showed this operator')
    .addOption(new Option('--since <instant>', instantOrDayForm).argParser(instantOrDay).makeOptionMandatory())
    .addOption(
      new Option('--until <instant>', 'now, if left out; the moment itself is not included').argParser(instantOrDay)
    )
    .option('--ids <file>', 'write each person’s id, with first and last time, to a new CSV file')
    .option('--json', 'print the result as JSON')
    .addHelpText(
      'after',
      '\nExit codes: 0 the record matches the digests in the audit; 1 it was changed, and the answer may be incomplete;\n64 incorrect use. docs/explain/privacy.md says what to do with the answer within 72 hours.'
    )
    .action(({ key, actor, since, until, ids, json }: ScopeOptions) =>
      withPool(async (pool, { timeZone }) => {
        if (key === undefined && actor === undefined) throw new RequestInvalid('key', 'or --actor is required')
        const from = toInstant(since, timeZone)
        const to = until === undefined ? new Date() : toInstant(until, timeZone)
        if (from >= to) throw new RequestInvalid('since', 'must be before --until')
        const scope = await inTransaction(
          pool,
          async client => {
            const read = await readBreachScope(client, { key, actor, since: from, until: to })
            if (ids !== undefined) {
              await pipeline(readAffected(client, read), createWriteStream(ids, { mode: 0o600, flags: 'wx' })).catch(
                error => {
                  const { code } = error as NodeJS.ErrnoException
                  if (code === 'EEXIST') throw new RequestInvalid('ids', 'names a file that already exists')
                  if (code === 'ENOENT' || code === 'EACCES')
                    throw new RequestInvalid('ids', 'names a file that cannot be created')
                  throw error
                }
              )
            }
            return read
          },
          oneMomentReadOnly
        )
        print(json, scope, linesOf(scope, ids))
        if (scope.proof.differing.length > 0) process.exitCode = 1
      })
    )
}

function linesOf(scope: BreachScope, file: string | undefined): string[] {
  const { keys, actor, since, until, people, rejections, unnamed, kinds, firstAt, lastAt, channels, actions, proof } =
    scope
  const words = (list: BreachScope['kinds']) => list.map(kind => dataKinds[kind].en).join('; ')
  return [
    `From ${since} until ${until}:`,
    ...keys.map(
      key =>
        `  key ${key.id} ${quote(key.name)}, ${key.scopes.join(' ')}${key.revokedAt ? `, revoked ${key.revokedAt}` : ''}`
    ),
    ...(actor === null ? [] : [`  actor ${quote(actor)}`]),
    '',
    `Shown or sent: ${counted(people, 'health worker')} and ${counted(rejections, 'rejected row')}${firstAt === null ? '' : `, first ${firstAt}, last ${lastAt}`}.`,
    ...(unnamed > 0 ? [`Plans showed ${counted(unnamed, 'time')} a person who is not in the registry yet.`] : []),
    ...(kinds.length > 0 ? [`Data: ${words(kinds)}.`] : []),
    ...channels.flatMap(
      ({ channel, actor: by, answers, people: shown, rejections: rows, firstAt: first, lastAt: last, kinds: data }) => [
        '',
        `  ${channel}, by ${quote(by)}`,
        `    ${counted(answers, 'answer')}, ${counted(shown, 'health worker')}, ${counted(rows, 'rejected row')}, ${first} to ${last}`,
        `    ${words(data) || 'data of an unknown channel'}`
      ]
    ),
    ...(actions.length > 0
      ? ['', `Audited actions: ${actions.map(({ action, count }) => `${action} ${count}`).join(', ')}`]
      : []),
    '',
    ...(file === undefined ? [] : [`The ids are in ${file}.`]),
    ...(proof.keptSince === null
      ? []
      : [`Disclosures before ${proof.keptSince} are past their retention and deleted.`]),
    ...proof.differing.map(
      ({ fromId, toId }) => `CHANGED: disclosures ${fromId} to ${toId} differ from their digest in the audit.`
    ),
    `Sealed blocks compared: ${proof.blocks}, of which ${proof.differing.length} differ; rows not sealed yet: ${proof.unsealed}.`
  ]
}
