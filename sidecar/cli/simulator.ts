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
  tokenLifetime: number
  json?: boolean
}

/** Returns `sdmk simulator`: a KKI with invented people, until it is told to stop. */
export function simulatorCommand(): Command {
  return new Command('simulator')
    .description('run a KKI that speaks the contract, with invented people')
    .option('-p, --port <port>', 'port to listen on; 0 takes a free one', wholeNumber(0, 65_535), 4010)
    .option('--host <address>', 'address to listen on', '127.0.0.1')
    .option('-r, --rows <rows>', 'records that it lists', wholeNumber(0, mostSimulatedRows), 50_000)
    .option('-s, --seed <seed>', 'equal seeds list equal records', wholeNumber(0, 999_999_999), 1)
    .option('--behind <seconds>', 'how far its clock starts behind the real one', wholeNumber(0, 315_360_000), 0)
    .option('--token-lifetime <seconds>', 'how long an access token lives', wholeNumber(1, 315_360_000), 3600)
    .option('--json', 'print address and credentials as one line of JSON')
    .action(async ({ json, behind, tokenLifetime, ...options }: SimulatorCommandOptions) => {
      // A token endpoint is hundreds of modules, which no other command needs.
      const { startSimulator } = await loadSimulator()
      const { rows } = options
      const simulator = await startSimulator({ ...options, behindSeconds: behind, tokenLifetimeSeconds: tokenLifetime })
      const { url, clientId, clientSecret } = simulator
      if (json) console.log(JSON.stringify({ url, clientId, clientSecret }))
      else {
        console.log(`KKI simulator with ${rows.toLocaleString('en')} invented records at ${url}`)
        console.log(`  KKI_BASE_URL=${url}`)
        console.log(`  client id ${clientId}, client secret ${clientSecret}`)
      }
      // Whoever started it may be gone without a word; its pipe then ends.
      if (json) process.stdin.resume().once('end', () => process.kill(process.pid, 'SIGTERM'))
      closeWithGrace({ delay: 5000, logger: false }, async () => simulator.close())
    })
}
