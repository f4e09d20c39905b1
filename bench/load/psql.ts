import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
const statementMs = 30 * 60_000

/** Ends the benchmark if psql is missing: the floor uses it, so that it includes no client of ours. */
export function requirePsql(): void {
  if (spawnSync('psql', ['--version']).status === 0) return
  console.error('psql is not on the PATH; the floor is measured with it (Debian: apt install postgresql-client).')
  process.exit(69)
}

/** Runs commands of psql one after the other on one connection and returns how many seconds each took. */
export async function psql(url: string, commands: readonly string[]): Promise<number[]> {
  const { stdout } = await run(
    'psql',
    ['--no-psqlrc', '--quiet', '--set', 'ON_ERROR_STOP=1', '--command', '\\timing on', ...commands.flatMap(of), url],
    { timeout: statementMs, maxBuffer: 1 << 24 }
  )
  const times = [...stdout.matchAll(/^Time: ([\d.]+) ms/gm)].map(([, ms]) => Number(ms) / 1000)
  if (times.length !== commands.length) throw new Error(`psql timed ${times.length} of ${commands.length} commands`)
  return times
}

const of = (command: string) => ['--command', command]
