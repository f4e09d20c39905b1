import { Command } from 'commander'
import { ConfigurationError } from '../errors.ts'
import { type CompareContext, compareWithOdoo, resyncOdoo } from '../odoo/compare.ts'
import { createOdooLink, odooSecret } from '../odoo/link.ts'
import { print, withDatabase } from './command.ts'
import { withQueue } from './with-queue.ts'
import { withSecret } from './with-secret.ts'

/** Returns `sdmk odoo`: what to do where Odoo does not show what the registry has. */
export function odooCommand(): Command {
  return new Command('odoo')
    .description('repair what Odoo shows')
    .addCommand(resyncCommand())
    .addCommand(compareCommand())
}

function resyncCommand(): Command {
  return new Command('resync')
    .description('tell Odoo everything once more; the running service carries it there')
    .option('--json', 'print the result as JSON')
    .action(({ json }: { json?: boolean }) =>
      withOdoo(async context => {
        const jobs = await resyncOdoo(context)
        print(json, { jobs }, [`${jobs} jobs wait for the service to carry them to Odoo.`])
      })
    )
}

function compareCommand(): Command {
  return new Command('compare')
    .description('compare Odoo with the registry, once; what differs is told again by the running service')
    .option('--json', 'print the result as JSON')
    .action(({ json }: { json?: boolean }) =>
      withOdoo(async context => {
        const { signal } = new AbortController()
        const difference = await compareWithOdoo(context, { signal, attempts: 1 })
        const lines = Object.entries(difference).map(([kind, count]) => `${kind}: ${count} differ`)
        const isSame = Object.values(difference).every(count => count === 0)
        print(json, difference, isSame ? ['Odoo has what the registry has.'] : lines)
      })
    )
}

async function withOdoo(work: (context: CompareContext) => Promise<void>): Promise<void> {
  await withDatabase(async context => {
    const { config, logger } = context
    const { odoo } = config
    if (odoo === null) throw new ConfigurationError('SDMK_ODOO_URL', 'is required here; it says where Odoo answers')
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
