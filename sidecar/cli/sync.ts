import { Command, Option } from 'commander'
import { walkKinds } from '../batch-terms.ts'
import { type Config, loadConfig } from '../config.ts'
import { RequestInvalid } from '../errors.ts'
import { fileFormats } from '../import/read-rows.ts'
import { type Service, startService } from '../main.ts'
import { keepHeapSmall } from '../platform/small-heap.ts'
import { inSpan } from '../platform/tracing.ts'
import { loadMapping } from '../source/load.ts'
import type { RunMode } from '../sync/batch.ts'
import { createRun, type RunRequest } from '../sync/run.ts'
import { commandCaller, errorLogger, print } from './command.ts'
import { followRun } from './follow.ts'
import { encodingLabel } from './import.ts'
import { renderSummary, summarize } from './summary.ts'
import { type FileOptions, linesOfPassedOver, rowNumber, startFileRun } from './sync-file.ts'
import { type InstantOrDay, instantOrDay, instantOrDayForm, toInstant } from './values.ts'

interface SyncOptions extends FileOptions {
  mode?: RunMode
  profession?: string[]
  since?: InstantOrDay
  until?: InstantOrDay
  json?: boolean
}

/**
 * Returns `sdmk sync`: starts a run and waits for its end. Works with or without a running service: both take jobs of the
 * same queue.
 */
export function syncCommand(): Command {
  return new Command('sync')
    .description('start a run and wait for its end')
    .addOption(new Option('-m, --mode <mode>', 'what to fetch (default: incremental)').choices(walkKinds))
    .option('-p, --profession <code...>', 'these professions only, one after the other')
    .option('--since <time>', 'start of the window (mode window)', instantOrDay)
    .option('--until <time>', 'end of the window (mode window), which is not part of it', instantOrDay)
    .option('--file <file>', 'read the rows of a file from KKI instead of KKI’s API')
    .addOption(new Option('--format <format>', 'format of the file; default: by its name').choices(fileFormats))
    .option('--as-of <time>', 'when KKI created the file, if its rows have no time of change', instantOrDay)
    .option('--sheet <name>', 'sheet of a workbook, instead of the one that is described or found')
    .option(
      '--header-row <number>',
      'first row of the header, instead of the one that is described or found',
      rowNumber
    )
    .option(
      '--encoding <label>',
      'encoding of CSV and JSON lines that are not UTF-8, such as windows-1252',
      encodingLabel
    )
    .option('--hold', 'hold each batch until a person has approved it')
    .option('--json', 'print the summary as JSON, and nothing else')
    .addHelpText('after', `\nTimes are ${instantOrDayForm}.`)
    .action(async (options: SyncOptions) => {
      const { file, hold, json } = options
      checkTogether(options)
      const config =
        file === undefined
          ? loadConfig(process.env)
          : { ...loadConfig(process.env, { talksToKki: false }), roles: ['registry' as const] }
      keepHeapSmall()
      const service = await startService(config, { logger: errorLogger(config), listen: false })
      try {
        const quiet = json ?? false
        const { runId, passedOver } =
          file === undefined
            ? { runId: await startRun(service, config, toRequest(options, config.timeZone)), passedOver: null }
            : await startFileRun(service, config, file, options, { quiet })
        const { pool } = service.app.database
        const run = await followRun(pool, runId, { quiet })
        print(json, { ...summarize(run), ...(passedOver && { passedOver }) }, [
          ...(passedOver ? linesOfPassedOver(passedOver) : []),
          ...(await renderSummary(pool, run))
        ])
        if (run.state !== (hold ? 'held' : 'applied')) process.exitCode = 1
      } finally {
        await service.close()
      }
    })
}

function toRequest(
  { mode = 'incremental', profession, since, until, hold }: SyncOptions,
  timeZone: string
): RunRequest {
  return {
    mode,
    professions: profession,
    changedSince: since && toInstant(since, timeZone),
    changedUntil: until && toInstant(until, timeZone),
    ...(hold && { apply: 'hold' })
  }
}

/** Options for files, and options for KKI's API. @throws RequestInvalid for an option without effect */
function checkTogether(options: SyncOptions): void {
  const { file, mode, profession, since, until, format, asOf, sheet, headerRow, encoding } = options
  const others = file === undefined ? { format, asOf, sheet, headerRow, encoding } : { mode, profession, since, until }
  const [name] = Object.entries(others).find(([, value]) => value !== undefined) ?? []
  if (name === undefined) return
  const option = `--${name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`
  throw new RequestInvalid(option, file === undefined ? 'is allowed only with --file' : 'is not allowed with --file')
}

/** Starts a run from the command line and returns its id. @throws what `createRun` throws */
export async function startRun({ app }: Service, config: Config, request: RunRequest): Promise<number> {
  const mapping = await loadMapping(config.kki.sourceFile)
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

/** Returns the error with the name of the option instead of the field of a request. */
function inOptions({ field, message }: RequestInvalid): RequestInvalid {
  const reason = message.slice(field.length + 2)
  const named = (text: string) => text.replace('changedSince', '--since').replace('changedUntil', '--until')
  return new RequestInvalid(named(field).replace(/^professions.*/, '--profession'), named(reason))
}
