import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { Command, Option } from 'commander'
import type pg from 'pg'
import { RequestInvalid } from '../errors.ts'
import { createDatabase } from '../platform/database.ts'
import { assertMigrated } from '../platform/migrations.ts'
import type { Language } from '../platform/problem-texts.ts'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import { SealFault } from '../registry/errors.ts'
import { identitySecret, loadIdentity } from '../registry/identity.ts'
import { recordAudit } from '../sync/audit/record.ts'
import { reportPerson } from '../sync/person-report/report.ts'
import { inWords } from '../sync/person-report/words.ts'
import { auditSealFaults } from '../sync/seal-faults.ts'
import { commandCaller, print, withDatabase } from './command.ts'
import { reasonOption } from './reason.ts'
import { withSecret } from './with-secret.ts'

/** Returns `sdmk person`: answers to people who ask what is stored about them. */
export function personCommand(): Command {
  return new Command('person').description('answer a person about their data').addCommand(reportCommand())
}

interface ReportOptions {
  reason: string
  language: Language
  json?: boolean
}

function reportCommand(): Command {
  return new Command('report')
    .description('tell what is stored about the person of a NIK, which is read from standard input and kept nowhere')
    .addOption(reasonOption().makeOptionMandatory())
    .addOption(new Option('-l, --language <language>', 'of the report').choices(['id', 'en']).default('id'))
    .option('--json', 'print it as JSON')
    .addHelpText('after', '\nThe NIK is no argument, so that it stands in no history and no list of processes.')
    .action(({ reason, language, json }: ReportOptions) =>
      withDatabase(async ({ config, database, logger }) => {
        const nik = await readNik()
        const identity = await withSecret(config, identitySecret, loadIdentity)
        const { pool } = createDatabase({ url: database.url, maxConnections: 1 }, logger)
        try {
          await assertMigrated(pool)
          // Committed before it is shown: nobody sees it without a trace of it.
          const report = await inTransaction(
            pool,
            async client => {
              const made = await reportPerson(client, identity, nik, { hasOdoo: config.odoo !== null })
              await recordAudit(client, {
                ...commandCaller(),
                action: 'person.reported',
                detail: { healthWorkerId: made.person?.id ?? null, reason }
              })
              return made
            },
            oneMoment
          ).catch(error => auditAndThrow(pool, error))
          print(json, report, inWords(report, language))
        } finally {
          await pool.end()
        }
      })
    )
}

/** The report's own transaction is rolled back, so the event has another one. */
async function auditAndThrow(pool: pg.Pool, error: unknown): Promise<never> {
  if (error instanceof SealFault) {
    await inTransaction(pool, client => auditSealFaults(client, commandCaller(), [error]))
  }
  throw error
}

/** Returns the first line of standard input; on a terminal it is asked for and not shown. @throws RequestInvalid */
async function readNik(): Promise<string> {
  const { stdin, stderr } = process
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: stdin, output: silent, terminal: stdin.isTTY })
  if (stdin.isTTY) stderr.write('NIK: ')
  try {
    const { value } = await lines[Symbol.asyncIterator]().next()
    const nik = String(value ?? '').trim()
    if (!/^\d{16}$/.test(nik)) throw new RequestInvalid('nik', 'must be 16 digits, on standard input')
    return nik
  } finally {
    lines.close()
    if (stdin.isTTY) stderr.write('\n')
  }
}
