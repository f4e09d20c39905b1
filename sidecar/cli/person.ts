import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { text as readAll } from 'node:stream/consumers'
import { Command, Option } from 'commander'
import type pg from 'pg'
import { recordDisclosures } from '../audit/disclosures.ts'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import { holdDigestKey } from '../identity/digest-key.ts'
import { SealFault } from '../identity/errors.ts'
import { identitySecret, loadIdentity } from '../identity/keys.ts'
import { createDatabase } from '../platform/database.ts'
import { assertMigrated } from '../platform/migrations.ts'
import { quote } from '../platform/printable-text.ts'
import { toHtml, toLines } from '../platform/printed-document.ts'
import type { Language } from '../platform/problem-texts.ts'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import { decideErasure, decideRestriction } from '../privacy/decide.ts'
import { reportPerson } from '../privacy/person-report.ts'
import { type FindBy, findings, findPerson, ofPerson } from '../privacy/person-report-find.ts'
import { toDocument } from '../privacy/person-report-words.ts'
import type { ErasureScope, PrivacyState } from '../registry/restrict.ts'
import { today } from '../sync/plan-and-apply.ts'
import { commandCaller, print, withDatabase } from './command.ts'
import { reasonOption } from './reason.ts'
import { id as personId } from './values.ts'
import { withQueue } from './with-queue.ts'
import { withSecret } from './with-secret.ts'

/** Returns `sdmk person`: reports to people about their stored data, restriction and erasure. */
export function personCommand(): Command {
  return new Command('person')
    .description('answer a person about their data, restrict it or erase it')
    .addCommand(reportCommand())
    .addCommand(restrictCommand('restrict', 'keep the data of a person stored and show it to nobody', true))
    .addCommand(restrictCommand('unrestrict', 'end the restriction of a person’s data', false))
    .addCommand(eraseCommand())
}

interface ReportOptions {
  reason: string
  by: FindBy
  id?: number
  language: Language
  json?: boolean
  html?: boolean
}

function reportCommand(): Command {
  return new Command('report')
    .description('report the stored data of the person that standard input identifies; the input is not stored')
    .addOption(reasonOption().makeOptionMandatory())
    .addOption(
      new Option('--by <what>', 'content of standard input; with name, the date of birth (YYYY-MM-DD) on a second line')
        .choices(findings)
        .default('nik')
    )
    .addOption(
      new Option('--id <number>', 'the number in the registry instead, also of somebody who is gone').argParser(
        personId
      )
    )
    .addOption(new Option('-l, --language <language>', 'of the report').choices(['id', 'en']).default('id'))
    .option('--json', 'print it as JSON')
    .addOption(new Option('--html', 'print it as a page for the printer').conflicts('json'))
    .addHelpText(
      'after',
      '\nNIK, STR and name are not arguments, so that the shell history and the process list do not show them.\nExit code 1: several people, or only similar names; they are listed, and --id chooses one.'
    )
    .action(({ reason, by, id, language, json, html }: ReportOptions) =>
      withDatabase(async ({ config, database, logger }) => {
        const given = id === undefined ? await readGiven(by) : ''
        const identity = await withSecret(config, identitySecret, loadIdentity)
        const onConnect = (client: pg.ClientBase) => holdDigestKey(client, identity)
        const { pool } = createDatabase({ url: database.url, maxConnections: 1, onConnect }, logger)
        const caller = commandCaller()
        const disclosure = { ...caller, channel: 'sdmk person report', reason }
        try {
          await assertMigrated(pool)
          // Committed before it is shown, so that nobody sees it without an audit event.
          const answer = await inTransaction(
            pool,
            async client => {
              const found =
                id === undefined
                  ? await findPerson(client, identity, by, given)
                  : { subject: await ofPerson(client, identity, id) }
              if ('candidates' in found) {
                await recordDisclosures(client, [{ ...disclosure, people: found.candidates.map(person => person.id) }])
                return found
              }
              const { subject } = found
              const { healthWorkerId } = subject
              const report = await reportPerson(client, subject)
              await recordDisclosures(client, [
                { ...disclosure, people: healthWorkerId === null ? [] : [healthWorkerId] }
              ])
              await recordAudit(client, { ...caller, action: 'person.reported', detail: { healthWorkerId, reason } })
              return { report }
            },
            oneMoment
          ).catch(error => auditAndThrow(pool, error))
          if ('candidates' in answer) {
            const lines = answer.candidates.map(
              person => `${person.id}  ${quote(person.name)}, ${person.registrations} STR`
            )
            print(
              json,
              answer,
              lines.length > 0 ? lines : ['No person with this date of birth has this name or a similar one.']
            )
            process.exitCode = 1
            return
          }
          const page = toDocument(answer.report, language)
          if (html) process.stdout.write(toHtml(page))
          else print(json, answer.report, toLines(page))
        } finally {
          await pool.end()
        }
      })
    )
}

/** The report's own transaction is rolled back, so the event has a separate one. */
async function auditAndThrow(pool: pg.Pool, error: unknown): Promise<never> {
  if (error instanceof SealFault) {
    await inTransaction(pool, client => auditSealFaults(client, commandCaller(), [error]))
  }
  throw error
}

interface DecisionOptions {
  reason: string
  former?: boolean
  json?: boolean
}

function restrictCommand(name: string, description: string, isRestricted: boolean): Command {
  return new Command(name)
    .description(description)
    .argument('<id>', 'number of the person in the registry', personId)
    .addOption(reasonOption().makeOptionMandatory())
    .option('--json', 'print the result as JSON')
    .action((healthWorkerId: number, { reason, json }: DecisionOptions) =>
      withDatabase(context =>
        withQueue(context, async ({ database }) => {
          const decision = { healthWorkerId, reason, caller: commandCaller() }
          const state = await database.withTransaction(client => decideRestriction(client, decision, isRestricted))
          print(json, state, linesOf(state))
        })
      )
    )
}

function eraseCommand(): Command {
  return new Command('erase')
    .description('erase the data of a person except the licence history; it cannot be undone')
    .argument('<id>', 'number of the person in the registry', personId)
    .addOption(reasonOption().makeOptionMandatory())
    .option('--former', 'erase only earlier values; possible even while a licence is in force')
    .option('--json', 'print the result as JSON')
    .action((healthWorkerId: number, { reason, former, json }: DecisionOptions) =>
      withDatabase(context =>
        withQueue(context, async ({ database }) => {
          const { timeZone, identityRetentionYears: retentionYears } = context.config
          const scope: ErasureScope = former ? 'former' : 'all'
          const asOf = await today(database.pool, timeZone)
          const decision = { healthWorkerId, reason, caller: commandCaller() }
          const state = await database.withTransaction(client =>
            decideErasure(client, decision, { scope, retentionYears, asOf })
          )
          print(json, state, former ? [`Former values of health worker ${healthWorkerId} are erased.`] : linesOf(state))
        })
      )
    )
}

function linesOf({ healthWorkerId, restrictedSince, erasedAt }: PrivacyState): string[] {
  return [
    `Health worker ${healthWorkerId}: ${restrictedSince === null ? 'not restricted' : `restricted since ${restrictedSince}`}${erasedAt === null ? '' : `, erased ${erasedAt}`}`
  ]
}

/**
 * Returns the identifying text from standard input: one line, or two for a name. A terminal shows a prompt and no
 * input.
 * @throws RequestInvalid
 */
async function readGiven(by: FindBy): Promise<string> {
  const { stdin, stderr } = process
  const questions = by === 'name' ? ['Name', 'Date of birth (YYYY-MM-DD)'] : [by.toUpperCase()]
  if (!stdin.isTTY) {
    const lines = (await readAll(stdin)).split(/\r?\n/)
    return lines
      .slice(0, questions.length)
      .map(line => line.trim())
      .join('\n')
  }
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: silent, terminal: true })
  const given: string[] = []
  try {
    for (const question of questions) {
      stderr.write(`${question}: `)
      given.push((await lines.question('')).trim())
      stderr.write('\n')
    }
    return given.join('\n')
  } finally {
    lines.close()
  }
}
