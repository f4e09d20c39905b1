import { Command } from 'commander'
import { readRuns } from '../api/bodies.ts'
import { nextSlot } from '../sync/schedule-slot.ts'
import { readSetting } from '../sync/settings.ts'
import { readWatermark } from '../sync/watermark.ts'
import { print, withPool } from './command.ts'
import { renderSummary, summarize } from './summary.ts'
import { watermarkLine } from './watermark.ts'

/** Returns `sdmk status`: the setting, the watermark and the last run, read from the database. */
export function statusCommand(): Command {
  return new Command('status')
    .description('show the setting, the watermark and the last run')
    .option('--json', 'print it as JSON')
    .action(({ json }: { json?: boolean }) =>
      withPool(async (pool, config) => {
        const setting = await readSetting(pool)
        const watermark = await readWatermark(pool)
        const [run] = await readRuns(pool, { before: 0, limit: 1 })
        const due = setting.active ? nextSlot(setting.schedule, config.timeZone, new Date()).toISOString() : null
        const summary = run ? summarize(run) : null
        print(json, { setting, nextRunDueAt: due, watermark, run: run ?? null, summary }, [
          `Integration: ${setting.active ? `on, next run ${due}` : 'off'} (schedule ${setting.schedule})`,
          watermarkLine(watermark),
          ...(run ? await renderSummary(pool, run) : ['No run yet.'])
        ])
      })
    )
}
