import { Command } from 'commander'
import { ConfigurationError } from '../errors.ts'
import { compareAuditHeads, type SetAside, setAsideAuditHeads } from '../odoo/audit-heads.ts'
import { compareWithOdoo, resyncOdoo } from '../odoo/compare.ts'
import type { CompareContext } from '../odoo/compare-context.ts'
import { createOdooLink, odooSecret } from '../odoo/link.ts'
import { counted } from '../platform/plural.ts'
import { commandCaller, print, withDatabase } from './command.ts'
import { parseHead } from './head.ts'
import { reasonOption } from './reason.ts'
import { withQueue } from './with-queue.ts'
import { withSecret } from './with-secret.ts'

/** Returns `sdmk odoo`: repairs for an Odoo that differs from the registry. */
export function odooCommand(): Command {
  return new Command('odoo')
    .description('repair the copy in Odoo')
    .addCommand(resyncCommand())
    .addCommand(compareCommand())
    .addCommand(setAsideHeadsCommand())
}

function resyncCommand(): Command {
  return new Command('resync')
    .description('send everything to Odoo again; the running service delivers it')
    .option('--json', 'print the result as JSON')
    .action(({ json }: { json?: boolean }) =>
      withOdoo(async context => {
        const jobs = await resyncOdoo(context)
        print(json, { jobs }, [`${counted(jobs, 'job')} queued; the service delivers them to Odoo.`])
      })
    )
}

function compareCommand(): Command {
  return new Command('compare')
    .description('compare Odoo with the registry once; the running service sends the differences again')
    .option('--json', 'print the result as JSON')
    .action(({ json }: { json?: boolean }) =>
      withOdoo(async context => {
        const { signal } = new AbortController()
        const difference = await compareWithOdoo(context, { signal, attempts: 1 })
        const lines = Object.entries(difference).map(([kind, count]) => `${kind}: ${count} differ`)
        const isSame = Object.values(difference).every(count => count === 0)
        print(json, difference, isSame ? ['Odoo and the registry are equal.'] : lines)
      })
    )
}

interface SetAsideOptions extends SetAside {
  json?: boolean
}

function setAsideHeadsCommand(): Command {
  return new Command('set-aside-heads')
    .description(
      'after a restore of the database: Odoo no longer compares the ends of the audit chain that the backup does not contain'
    )
    .requiredOption(
      '--after <seq:hash>',
      'the end of the chain in the backup, as `sdmk audit verify` prints it',
      parseHead
    )
    .addOption(reasonOption().makeOptionMandatory())
    .option('--json', 'print the result as JSON')
    .action(({ after, reason, json }: SetAsideOptions) =>
      withOdoo(async context => {
        const delivery = { signal: new AbortController().signal, attempts: 1 }
        const setAside = await setAsideAuditHeads(context, { after, reason }, commandCaller(), delivery)
        const differing = await compareAuditHeads(context, delivery)
        print(json, { setAside, differing }, [
          `${counted(setAside, 'audit head')} set aside in Odoo.`,
          ...(differing > 0 ? [`${counted(differing, 'other head')} up to that link not in the chain.`] : [])
        ])
      })
    )
}

async function withOdoo(work: (context: CompareContext) => Promise<void>): Promise<void> {
  await withDatabase(async context => {
    const { config, logger } = context
    const { odoo } = config
    if (odoo === null) throw new ConfigurationError('SDMK_ODOO_URL', 'is required here; it is the address of Odoo')
    await withQueue(context, async ({ database, queue }) => {
      await withSecret(config, odooSecret, async secrets => {
        const link = createOdooLink({ odoo, secrets, logger, onCall: () => {} })
        try {
          await work({ database, queue, link, logger, timeZone: config.timeZone })
        } finally {
          await link.close()
        }
      })
    })
  })
}
