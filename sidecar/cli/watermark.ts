import { Command } from 'commander'
import { inTransaction } from '../platform/transaction.ts'
import { moveWatermarks } from '../sync/move-watermarks.ts'
import { allProfessions, listWatermarks, type Watermark } from '../sync/watermark.ts'
import { commandCaller, print, withPool } from './command.ts'
import { reasonOption } from './reason.ts'
import { type InstantOrDay, instantOrDay, instantOrDayForm, toInstant } from './values.ts'

/** Returns `sdmk watermark`: up to when all that KKI changed is stored, and a way to set that back. */
export function watermarkCommand(): Command {
  return new Command('watermark')
    .description('show up to when all changes of KKI are stored, or set that back; docs/watermark.md')
    .addCommand(listCommand(), { isDefault: true })
    .addCommand(setCommand())
}

function listCommand(): Command {
  return new Command('list')
    .description('show every watermark')
    .option('--json', 'print them as JSON')
    .action(({ json }: { json?: boolean }) =>
      withPool(async pool => {
        const watermarks = await listWatermarks(pool)
        print(json, watermarks, watermarkLines(watermarks))
      })
    )
}

interface SetOptions {
  profession?: string
  skipGap?: boolean
  reason: string
  json?: boolean
}

function setCommand(): Command {
  return new Command('set')
    .description('set watermarks back to a time; the next incremental run fetches what KKI changed since then')
    .argument('<time>', instantOrDayForm, instantOrDay)
    .option('-p, --profession <code>', 'the watermark of this profession only; all of them by default')
    .option('--skip-gap', 'move them forward as well: no incremental run fetches what KKI changed in between')
    .addOption(reasonOption().makeOptionMandatory())
    .option('--json', 'print what was moved as JSON')
    .action((time: InstantOrDay, { profession, skipGap, reason, json }: SetOptions) =>
      withPool(async (pool, config) => {
        const order = { position: toInstant(time, config.timeZone), profession, skipGap, reason }
        const moves = await inTransaction(pool, client => moveWatermarks(client, order, commandCaller()))
        const lines = moves.map(
          ({ partition, from, to }) => `${nameOf(partition)}: from ${from.toISOString()} to ${to.toISOString()}`
        )
        print(json, moves, lines.length > 0 ? lines : ['Nothing to move: the watermark is there already.'])
      })
    )
}

/** Returns a line for each watermark, for people. */
export function watermarkLines(watermarks: readonly Watermark[]): string[] {
  if (watermarks.length === 0) return ['Watermark: none, the next run fetches everything']
  return watermarks.map(({ partition, position, isAhead }) => {
    const warning = isAhead ? ' (later than the clock of the database: see docs/watermark.md)' : ''
    return `Watermark of ${nameOf(partition)}: ${position.toISOString()}${warning}`
  })
}

function nameOf(partition: string): string {
  return partition === allProfessions ? 'all professions' : partition
}
