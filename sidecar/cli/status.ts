import { Command } from 'commander'
import { createDatabase } from '../platform/database.ts'
import { assertMigrated } from '../platform/migrations.ts'
import { readRuns } from '../sync/routes/bodies.ts'
import { nextSlot } from '../sync/schedule-slot.ts'
import { readSetting } from '../sync/settings.ts'
import { print, withDatabase } from './command.ts'
import { renderSummary, summarize } from './summary.ts'

/** Returns `sdmk status`: the setting and the last run, read from the database. */
export function statusCommand(): Command {
  return new Command('status')
    .description('show the integration and its last run')
    .option('--json', 'print it as JSON')
    .action(({ json }: { json?: boolean }) =>
      withDatabase(async ({ config, database, logger }) => {
        const { pool } = createDatabase({ url: database.url, maxConnections: 1 }, logger)
        try {
          await assertMigrated(pool)
          const setting = await readSetting(pool)
          const [run] = await readRuns(pool, { before: 0, limit: 1 })
          const due = setting.active ? nextSlot(setting.schedule, config.timeZone, new Date()).toISOString() : null
          print(json, { setting, nextRunDueAt: due, run: run ?? null, summary: run ? summarize(run) : null }, [
            `Integration: ${setting.active ? `on, next run ${due}` : 'off'} (schedule ${setting.schedule})`,
            run ? await renderSummary(pool, run) : 'There was no run yet.'
          ])
        } finally {
          await pool.end()
        }
      })
    )
}
