import { Command } from 'commander'
import { inTransaction } from '../platform/transaction.ts'
import { moveWatermark } from '../sync/move-watermark.ts'
import { readWatermark, type Watermark } from '../sync/watermark.ts'
import { commandCaller, print, withPool } from './command.ts'
import { reasonOption } from './reason.ts'
import { type InstantOrDay, instantOrDay, instantOrDayForm, toInstant } from './values.ts'

/** Returns `sdmk watermark`: shows and moves the time up to which all changes of KKI are stored. */
export function watermarkCommand(): Command {
  return new Command('watermark')
    .description('show or move back the time up to which all changes of KKI are stored; docs/operate/watermark.md')
    .addCommand(showCommand(), { isDefault: true })
    .addCommand(setCommand())
}

function showCommand(): Command {
  return new Command('show')
    .description('show the watermark')
    .option('--json', 'print it as JSON')
    .action(({ json }: { json?: boolean }) =>
      withPool(async pool => {
        const watermark = await readWatermark(pool)
        print(json, watermark, [watermarkLine(watermark)])
      })
    )
}

interface SetOptions {
  skipGap?: boolean
  reason: string
  json?: boolean
}

function setCommand(): Command {
  return new Command('set')
    .description('move the watermark back to a time; the next incremental run fetches all changes since then')
    .argument('<time>', instantOrDayForm, instantOrDay)
    .option('--skip-gap', 'also allow moving it forward: no incremental run fetches the changes in between')
    .addOption(reasonOption().makeOptionMandatory())
    .option('--json', 'print the move as JSON')
    .action((time: InstantOrDay, { skipGap, reason, json }: SetOptions) =>
      withPool(async (pool, config) => {
        const order = { position: toInstant(time, config.timeZone), skipGap, reason }
        const move = await inTransaction(pool, client => moveWatermark(client, order, commandCaller()))
        const line = move
          ? `Watermark moved from ${move.from.toISOString()} to ${move.to.toISOString()}`
          : 'Nothing to move: the watermark already has this value.'
        print(json, move, [line])
      })
    )
}

/** Returns the watermark as a line for people. */
export function watermarkLine(watermark: Watermark | null): string {
  if (watermark === null) return 'Watermark: none, the next run fetches everything'
  const warning = watermark.isAhead ? ' (later than the clock of the database: see docs/operate/watermark.md)' : ''
  return `Watermark: ${watermark.position.toISOString()}${warning}`
}
