import { Command, Option } from 'commander'
import { walkKinds } from '../batch-terms.ts'
import { type Config, loadConfig } from '../config.ts'
import { RequestInvalid } from '../errors.ts'
import { type Service, startService } from '../main.ts'
import { inSpan } from '../platform/tracing.ts'
import type { RunMode } from '../sync/batch.ts'
import { loadMapping } from '../sync/mapping-file.ts'
import { createRun, type RunRequest } from '../sync/run.ts'
import { commandCaller, errorLogger, print } from './command.ts'
import { followRun } from './follow.ts'
import { renderSummary, summarize } from './summary.ts'
import { type InstantOrDay, instantOrDay, instantOrDayForm, toInstant } from './values.ts'

interface SyncOptions {
  mode: RunMode
  profession?: string[]
  since?: InstantOrDay
  until?: InstantOrDay
  json?: boolean
}

/**
 * Returns `sdmk sync`: one run, waited for. Works with or without a running service: both take jobs of the same queue.
 */
export function syncCommand(): Command {
  return new Command('sync')
    .description('start a run and wait for its end')
    .addOption(new Option('-m, --mode <mode>', 'what to fetch').choices(walkKinds).default('incremental'))
    .option('-p, --profession <code...>', 'these professions only, one after the other')
    .option('--since <time>', 'start of the window (mode window)', instantOrDay)
    .option('--until <time>', 'end of the window (mode window), which is not part of it', instantOrDay)
    .option('--json', 'print the summary as JSON, and nothing else')
    .addHelpText('after', `\nTimes are ${instantOrDayForm}.`)
    .action(async ({ mode, profession, since, until, json }: SyncOptions) => {
      const config = loadConfig(process.env)
      const service = await startService(config, { logger: errorLogger(config), listen: false })
      try {
        const request = {
          mode,
          professions: profession,
          changedSince: since && toInstant(since, config.timeZone),
          changedUntil: until && toInstant(until, config.timeZone)
        }
        const runId = await startRun(service, config, request)
        const { pool } = service.app.database
        const run = await followRun(pool, runId, { quiet: json ?? false })
        print(json, summarize(run), await renderSummary(pool, run))
        if (run.state !== 'applied') process.exitCode = 1
      } finally {
        await service.close()
      }
    })
}

/** Starts a run from the command line and returns its id. @throws what `createRun` throws */
export async function startRun({ app }: Service, config: Config, request: RunRequest): Promise<number> {
  const mapping = await loadMapping(config.kki.mappingFile)
  const caller = commandCaller()
  const { runId } = await inSpan('sdmk sync', { ids: { trace_id: caller.traceId } }, () =>
    app.database.withTransaction(client =>
      createRun(client, app.queue, mapping, request, { triggeredBy: 'command', caller })
    )
  ).catch(error => {
    throw error instanceof RequestInvalid ? inOptions(error) : error
  })
  return runId
}

/** Returns the error in the words of the command line, which names fields of a request otherwise. */
function inOptions({ field, message }: RequestInvalid): RequestInvalid {
  const reason = message.slice(field.length + 2)
  const named = (text: string) => text.replace('changedSince', '--since').replace('changedUntil', '--until')
  return new RequestInvalid(named(field).replace(/^professions.*/, '--profession'), named(reason))
}
