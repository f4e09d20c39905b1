import closeWithGrace from 'close-with-grace'
import { Command } from 'commander'
import { loadSimulator } from './simulator-code.ts'
import { mostSimulatedRows, wholeNumber } from './values.ts'

interface SimulatorCommandOptions {
  host: string
  port: number
  rows: number
  seed: number
  behind: number
  tokenLifetime?: number
  like?: string
  json?: boolean
}

/** Returns `sdmk simulator`: a KKI with invented people, which runs until a signal stops it. */
export function simulatorCommand(): Command {
  return new Command('simulator')
    .description('run a KKI with invented people, in the format of a source description')
    .option('-p, --port <port>', 'port to listen on; 0 takes a free one', wholeNumber(0, 65_535), 4010)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('-r, --rows <rows>', 'number of records', wholeNumber(0, mostSimulatedRows), 50_000)
    .option('-s, --seed <seed>', 'equal seeds give equal records', wholeNumber(0, 999_999_999), 1)
    .option(
      '--behind <seconds>',
      'how far its clock is behind the real one at the start',
      wholeNumber(0, 315_360_000),
      0
    )
    .option(
      '--token-lifetime <seconds>',
      'lifetime of an access token; default: from the description, else 3600',
      wholeNumber(1, 315_360_000)
    )
    .option('--like <file>', 'the source description; default: contracts/sources/kki.json')
    .option('--json', 'print address and credentials as one line of JSON')
    .action(async ({ json, behind, tokenLifetime, like, ...options }: SimulatorCommandOptions) => {
      // Imported on demand: the token endpoint has hundreds of modules, which no other command needs.
      const { startSimulator } = await loadSimulator()
      const { rows } = options
      const { url, secret, close } = await startSimulator({
        ...options,
        behindSeconds: behind,
        ...(tokenLifetime !== undefined && { tokenLifetimeSeconds: tokenLifetime }),
        ...(like !== undefined && { like })
      })
      if (json) console.log(JSON.stringify({ url, ...secret }))
      else {
        console.log(`KKI simulator with ${rows.toLocaleString('en')} invented records at ${url}`)
        console.log(`  KKI_BASE_URL=${url}`)
        if (like !== undefined) console.log(`  KKI_SOURCE_FILE=${like}`)
        console.log(`  secret kki: ${JSON.stringify(secret)}`)
      }
      // The parent process may have ended without a signal; then its pipe closes.
      if (json) process.stdin.resume().once('end', () => process.kill(process.pid, 'SIGTERM'))
      closeWithGrace({ delay: 5000, logger: false }, async () => close())
    })
}
