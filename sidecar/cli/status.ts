import { Command } from 'commander'
import { loadConfig } from '../config.ts'
import { openDatabase } from '../main.ts'
import { createDatabase } from '../platform/database.ts'
import { createLogger } from '../platform/logger.ts'
import { readRuns } from '../sync/routes/bodies.ts'
import { nextSlot } from '../sync/schedule-slot.ts'
import { readSetting } from '../sync/settings.ts'
import { renderSummary, summarize } from './summary.ts'

/** `sdmk status`: the setting and the last run, read from the database. */
export const statusCommand = () =>
  new Command('status')
    .description('show the integration and its last run')
    .option('--json', 'print it as JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const config = loadConfig(process.env, { talksToKki: false })
      const logger = createLogger('warn')
      const opened = await openDatabase(config, logger)
      const { pool } = createDatabase({ url: opened.url, maxConnections: 1 }, logger)
      try {
        const setting = await readSetting(pool)
        const [run] = await readRuns(pool, { before: 0, limit: 1 })
        const due = setting.active ? nextSlot(setting.schedule, config.timeZone, new Date()).toISOString() : null
        if (json) {
          console.log(
            JSON.stringify({ setting, nextRunDueAt: due, run: run ?? null, summary: run ? summarize(run) : null })
          )
          return
        }
        console.log(`Integration: ${setting.active ? `on, next run ${due}` : 'off'} (schedule ${setting.schedule})`)
        console.log(run ? await renderSummary(pool, run) : 'There was no run yet.')
      } finally {
        await pool.end()
        await opened.stop()
      }
    })
