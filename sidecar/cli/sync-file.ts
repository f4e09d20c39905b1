import { open } from 'node:fs/promises'
import { Presets, SingleBar } from 'cli-progress'
import { InvalidArgumentError } from 'commander'
import type { Config } from '../config.ts'
import { RequestInvalid } from '../errors.ts'
import { identitySecret, loadIdentity } from '../identity/keys.ts'
import { FileFault } from '../import/file-fault.ts'
import { faultOfFile, ImportFileInvalid } from '../import/read-file.ts'
import type { FileFormat, PassedOver } from '../import/read-rows.ts'
import { syncFile } from '../import/sync-file.ts'
import type { Service } from '../main.ts'
import { counted } from '../platform/plural.ts'
import { inSpan } from '../platform/tracing.ts'
import { loadReader } from '../sync/load-reader.ts'
import { commandCaller } from './command.ts'
import { type InstantOrDay, toInstant } from './values.ts'
import { withSecret } from './with-secret.ts'

export interface FileOptions {
  file?: string
  format?: FileFormat
  asOf?: InstantOrDay
  sheet?: string
  headerRow?: number
  encoding?: string
  hold?: boolean
}

/** Stages a file that KKI sent, and returns its run and the skipped rows. @throws what `syncFile` throws */
export async function startFileRun(
  { app }: Service,
  config: Config,
  path: string,
  { format = formatOf(path), asOf, sheet, headerRow, encoding, hold }: FileOptions,
  { quiet }: { quiet: boolean }
): Promise<{ runId: number; passedOver: PassedOver }> {
  const { files: description, reader } = await loadReader(config.kki)
  const identity = await withSecret(config, identitySecret, loadIdentity)
  const { batchRows, maxSkewSeconds } = config.kki
  const context = { queue: app.queue, identity, transform: reader.transform, description, batchRows, maxSkewSeconds }
  const caller = commandCaller()
  const request = {
    format,
    asOf: asOf && toInstant(asOf, config.timeZone),
    sheet,
    headerRow,
    encoding,
    apply: hold ? ('hold' as const) : undefined
  }
  const bar = new SingleBar(
    { format: ' rows read: {value}', stream: process.stderr, noTTYOutput: false },
    Presets.shades_classic
  )
  const onProgress = (rows: number) => {
    if (quiet) return
    if (!bar.isActive) bar.start(0, rows)
    bar.update(rows)
  }
  const options = { name: path, triggeredBy: 'command' as const, caller, onProgress }
  const file = await open(path).catch(error => {
    throw faultOfFile(path, error)
  })
  try {
    return await inSpan('sdmk sync', { ids: { trace_id: caller.traceId } }, () =>
      app.database.withTransaction(client => syncFile(client, context, file, request, options))
    )
  } catch (error) {
    throw error instanceof RequestInvalid ? new RequestInvalid('--as-of', error.message.slice('asOf: '.length)) : error
  } finally {
    bar.stop()
    await file.close()
  }
}

function formatOf(path: string): FileFormat {
  if (/\.(xlsx|xlsm)$/i.test(path)) return 'xlsx'
  if (/\.(csv|tsv|txt)$/i.test(path)) return 'csv'
  if (/\.(jsonl|ndjson)$/i.test(path)) return 'jsonl'
  throw new ImportFileInvalid(path, new FileFault({}, 'formatUnknown', { endings: '.xlsx, .csv and .jsonl' }))
}

/** Returns the skipped rows as lines for people; no line if none were skipped. */
export function linesOfPassedOver({ blank, totals, otherProfessions }: PassedOver): string[] {
  const parts = [
    ...(blank > 0 ? [counted(blank, 'empty row')] : []),
    ...(totals > 0 ? [counted(totals, 'row of totals', 'rows of totals')] : []),
    ...(otherProfessions > 0
      ? [`${counted(otherProfessions, 'row')} of professions that the setting of the integration leaves out`]
      : [])
  ]
  return parts.length === 0 ? [] : [`Skipped: ${parts.join(', ')}`, '']
}

/** Returns the number of a row. @throws InvalidArgumentError */
export function rowNumber(text: string): number {
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new InvalidArgumentError('It must be the number of a row, from 1 to 9999.')
  return Number(text)
}
