import { Presets, SingleBar } from 'cli-progress'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { RunBody } from '../api/schemas.ts'
import { type Config, loadConfig } from '../config.ts'
import { identitySecret, loadIdentity } from '../identity/keys.ts'
import { importPeople } from '../import/import-people.ts'
import { type ImportFormat, importFormats, readRecords } from '../import/read-file.ts'
import { type Service, startService } from '../main.ts'
import { keepHeapSmall } from '../platform/small-heap.ts'
import { inSpan } from '../platform/tracing.ts'
import { loadMapping } from '../source/load.ts'
import { createOwnTransform, ownColumns } from '../transform/own-person.ts'
import { commandCaller, errorLogger, print } from './command.ts'
import { followRun } from './follow.ts'
import { renderSummary, summarize } from './summary.ts'
import { withSecret } from './with-secret.ts'

/** For work that ends sooner, a bar would only flicker. */
const barAfterMs = 1000

interface ImportCommandOptions {
  format?: ImportFormat
  encoding?: string
  json?: boolean
}

/** Returns `sdmk import`: imports SDMK's own people from a file and matches them like KKI's rows. */
export function importCommand(): Command {
  return new Command('import')
    .description('import SDMK’s own people')
    .argument('<file>', 'CSV with a header, or JSON lines')
    .addOption(new Option('-f, --format <format>', 'format of the file; default: by its name').choices(importFormats))
    .addOption(
      new Option(
        '-e, --encoding <label>',
        'encoding of a file that is not UTF-8, such as windows-1252; any label of the WHATWG Encoding Standard'
      ).argParser(encodingLabel)
    )
    .option('--json', 'print the summary as JSON, and nothing else')
    .addHelpText(
      'after',
      `\nColumns: ${Object.keys(ownColumns).join(', ')}\nA licence (nomor_str, profesi, …) may be missing; see docs/integrate/import.md.`
    )
    .action(async (file: string, { format, encoding, json }: ImportCommandOptions) => {
      const records = readRecords(file, { format, encoding })
      const config: Config = { ...loadConfig(process.env, { talksToKki: false }), roles: ['registry'] }
      keepHeapSmall()
      const service = await startService(config, { logger: errorLogger(config), listen: false })
      try {
        const run = await runImport(service, config, records, { quiet: json ?? false })
        print(json, summarize(run), await renderSummary(service.app.database.pool, run))
        if (run.state !== 'applied') process.exitCode = 1
      } finally {
        await service.close()
      }
    })
}

/** Imports the records and waits for the end of the run. @throws what `importPeople` throws */
export async function runImport(
  { app }: Service,
  config: Config,
  records: AsyncIterable<unknown> | Iterable<unknown>,
  { quiet }: { quiet: boolean }
): Promise<RunBody> {
  const { database, queue } = app
  const mapping = await loadMapping(config.kki.sourceFile)
  const identity = await withSecret(config, identitySecret, loadIdentity)
  const context = { queue, identity, transform: createOwnTransform(mapping) }
  const caller = commandCaller()
  const bar = new SingleBar(
    { format: ' people read: {value}', stream: process.stderr, noTTYOutput: false },
    Presets.shades_classic
  )
  const started = Date.now()
  const onProgress = (count: number) => {
    if (quiet || Date.now() - started < barAfterMs) return
    if (!bar.isActive) bar.start(0, count)
    bar.update(count)
  }
  try {
    const batch = await inSpan('sdmk import', { ids: { trace_id: caller.traceId } }, () =>
      database.withTransaction(client => importPeople(client, context, records, { caller, onProgress }))
    )
    bar.stop()
    return await followRun(database.pool, batch.runId, { quiet })
  } finally {
    bar.stop()
  }
}

/** Returns the name of the encoding that has this label. @throws InvalidArgumentError */
export function encodingLabel(text: string): string {
  try {
    return new TextDecoder(text).encoding
  } catch {
    throw new InvalidArgumentError('It must be a label of the WHATWG Encoding Standard.')
  }
}
