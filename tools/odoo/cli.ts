/** `npm run odoo`: a real Odoo 19 with the addons, for developers and for demonstrations. */
import path from 'node:path'
import closeWithGrace from 'close-with-grace'
import { Command } from 'commander'
import { errorLogger, reportFailure } from '../../sidecar/cli/command.ts'
import { wholeNumber } from '../../sidecar/cli/values.ts'
import { loadConfig } from '../../sidecar/config.ts'
import { openDeveloperOdoo } from './developer.ts'
import { defaultPort, freePort } from './ports.ts'
import { renderLogins } from './render.ts'

const stopMs = 90_000

interface Options {
  port?: number
  exitAfterSetup?: boolean
}

const program = new Command('odoo')
  .description('start an Odoo 19 with the addons of this repository, in English and Indonesian')
  .option(
    '-p, --port <port>',
    `port to listen on, 0 for a free one (default: ${defaultPort}, or a free one if that is taken)`,
    wholeNumber(0, 65_535)
  )
  .option('--exit-after-setup', 'end after the setup, with its accounts as JSON on the last line')
  .action(async ({ port, exitAfterSetup }: Options) => {
    const config = loadConfig(process.env, { talksToKki: false })
    console.error(`Starting PostgreSQL under ${path.relative('.', config.dataDir) || '.'} and Odoo …`)
    const opening = openDeveloperOdoo({ dataDir: config.dataDir, logger: errorLogger(config), say: console.error })
    closeWithGrace({ delay: stopMs, logger: false }, async () => {
      const odoo = await opening.catch(() => null)
      await odoo?.close()
    })
    const odoo = await opening
    if (exitAfterSetup) {
      await odoo.close()
      console.log(JSON.stringify({ database: odoo.database, accounts: odoo.accounts }))
      return
    }
    const url = await odoo.serve(port || (await freePort(port ?? defaultPort))).catch(async error => {
      await odoo.close()
      throw error
    })
    console.log(`\n${renderLogins(odoo, url)}\n\nCtrl-C ends it; its data stays.`)
  })

try {
  await program.parseAsync()
} catch (error) {
  process.exit(reportFailure(error))
}
