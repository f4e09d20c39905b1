import { createReadStream } from 'node:fs'
import { SdmkError } from '../errors.ts'
import { decodeText, splitLines, TextUnreadable } from '../platform/strict-text.ts'
import { cutDeep } from '../transform/depth.ts'
import { FileFault } from './file-fault.ts'
import { readCsv } from './read-csv.ts'

export const importFormats = ['csv', 'jsonl'] as const
export type ImportFormat = (typeof importFormats)[number]

export interface FileOptions {
  /** By default the name of the file decides. */
  format?: ImportFormat | undefined
  /** A label of the WHATWG Encoding Standard; by default UTF-8. A byte order mark goes before both. */
  encoding?: string | undefined
}

/** The file cannot be read as the format that it should have; nothing of it was imported. */
export class ImportFileInvalid extends SdmkError {
  readonly code = 'IMPORT_FILE_INVALID'

  constructor(file: string, place: string | null, reason: string, options?: ErrorOptions) {
    super(`${file}${place === null ? '' : `, ${place}`}: ${reason}; nothing was imported`, options)
  }
}

/** A longer line or record is a file of another kind. */
export const maxRecordLength = 1_048_576

/**
 * Yields the records of a file in order: for CSV an object by the header's columns, for JSON lines the value of each line,
 * or its text where it is not JSON. @throws ImportFileInvalid naming file, line and place in the line
 */
export async function* readRecords(
  file: string,
  { format = formatOf(file), encoding }: FileOptions = {}
): AsyncGenerator<unknown, void, void> {
  const source = createReadStream(file)
  const texts = decodeText(source, encoding)
  let isEmpty = true
  try {
    for await (const record of format === 'csv' ? readCsv(texts, maxRecordLength) : valuesOf(texts)) {
      isEmpty = false
      yield record
    }
    // An export that failed is often an empty file, and an import of nobody would look like a success.
    if (isEmpty) throw new FileFault(null, 'holds no records')
  } catch (error) {
    throw faultOfFile(file, error, encoding)
  } finally {
    source.destroy()
  }
}

async function* valuesOf(texts: AsyncIterable<string>): AsyncGenerator<unknown, void, void> {
  for await (const { value } of readJsonLines(texts)) yield value
}

function formatOf(file: string): ImportFormat {
  if (/\.(csv|tsv|txt)$/i.test(file)) return 'csv'
  if (/\.(jsonl|ndjson)$/i.test(file)) return 'jsonl'
  const cure = /\.(xlsx?|ods)$/i.test(file) ? 'save the sheet as CSV UTF-8' : 'say --format csv or --format jsonl'
  throw new ImportFileInvalid(file, null, `its name ends neither with .csv nor with .jsonl; ${cure}`)
}

const systemFaults: Record<string, string> = {
  ENOENT: 'does not exist',
  EISDIR: 'is a folder',
  EACCES: 'cannot be read, because this user may not'
}

/** Returns what an error while a file was read is, said of that file; other errors stay as they are. */
export function faultOfFile(file: string, error: unknown, encoding: string | undefined): unknown {
  if (error instanceof FileFault) return new ImportFileInvalid(file, error.place, error.reason)
  if (error instanceof TextUnreadable) {
    const { line, character } = error
    const place = `line ${line}${character === null ? '' : `, character ${character}`}`
    return new ImportFileInvalid(file, place, `${error.reason}${cureFor(error.reason, encoding)}`)
  }
  const { syscall, code = '' } = error as NodeJS.ErrnoException
  if (syscall === undefined) return error
  return new ImportFileInvalid(file, null, systemFaults[code] ?? `cannot be read (${code})`, { cause: error })
}

function cureFor(reason: string, encoding: string | undefined): string {
  if (reason === 'is not UTF-8') {
    return '; save the file as UTF-8, or name its encoding, such as --encoding windows-1252'
  }
  if (reason.startsWith('is the character NUL')) return '; UTF-16 without a byte order mark needs --encoding utf-16le'
  return encoding !== undefined && reason.startsWith('is UTF-8') ? '; leave out --encoding' : ''
}

/** Yields the value of each line of a JSON lines text that is not blank, with the line's number. */
export async function* readJsonLines(
  texts: AsyncIterable<string>
): AsyncGenerator<{ line: number; value: unknown }, void, void> {
  let number = 0
  for await (const line of splitLines(texts, maxRecordLength)) {
    number++
    if (line.trim() !== '') yield { line: number, value: parseLine(line) }
  }
}

/** A line that is not JSON becomes a rejected row, like any other that is not an object. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(cutDeep(line))
  } catch {
    return line
  }
}
