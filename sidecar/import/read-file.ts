import { createReadStream } from 'node:fs'
import { SdmkError } from '../errors.ts'
import { decodeText, splitLines, TextUnreadable } from '../platform/strict-text.ts'
import { cutDeep } from '../transform/depth.ts'
import { FileFault } from './file-fault.ts'
import { readCsv } from './read-csv.ts'
import type { FaultCode } from './words.ts'
import { english } from './words-en.ts'

export const importFormats = ['csv', 'jsonl'] as const
export type ImportFormat = (typeof importFormats)[number]

export interface FileOptions {
  /** By default, the ending of the file's name decides. */
  format?: ImportFormat | undefined
  /** A label of the WHATWG Encoding Standard; by default UTF-8. A byte order mark overrides it. */
  encoding?: string | undefined
}

/** The file does not have the expected format; nothing was imported. */
export class ImportFileInvalid extends SdmkError {
  readonly code = 'IMPORT_FILE_INVALID'

  readonly fault: FileFault

  constructor(file: string, fault: FileFault) {
    const place = english.place(fault.place)
    super(`${file}${place && `, ${place}`}: ${fault.message}; nothing was imported`, { cause: fault.cause })
    this.fault = fault
  }
}

/** A longer line or record means that the file has another format. */
export const maxRecordLength = 1_048_576

/**
 * Yields the records of a file in order: for CSV objects with the header's columns, for JSON lines the value of each line, or
 * its text if it is not JSON. @throws ImportFileInvalid with file, line and place in the line
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
    // A failed export is often an empty file, and its import would look like a success.
    if (isEmpty) throw new FileFault({}, 'noRecords')
  } catch (error) {
    throw faultOfFile(file, error)
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
  const isSheet = /\.(xlsx?|ods)$/i.test(file)
  const fault = isSheet ? 'sheetForPeople' : 'formatUnknown'
  throw new ImportFileInvalid(file, new FileFault({}, fault, { endings: '.csv and .jsonl' }))
}

const systemFaults: Record<string, FaultCode> = { ENOENT: 'missing', EISDIR: 'folder', EACCES: 'denied' }

/** Returns an `ImportFileInvalid` for an error that came from reading this file; returns other errors unchanged. */
export function faultOfFile(file: string, error: unknown): unknown {
  if (error instanceof FileFault) return new ImportFileInvalid(file, error)
  if (error instanceof TextUnreadable) return new ImportFileInvalid(file, faultOfText(error))
  const { syscall, code = '' } = error as NodeJS.ErrnoException
  if (syscall === undefined) return error
  const fault = new FileFault({}, systemFaults[code] ?? 'unreadable', { reason: code }, { cause: error })
  return new ImportFileInvalid(file, fault)
}

function faultOfText({ line, character, fault }: TextUnreadable): FileFault {
  const { code, ...params } = fault
  const place = character === null ? { line } : { line, character }
  const isOfUtf8 = code === 'notInEncoding' && fault.encoding === 'UTF-8'
  return new FileFault(place, isOfUtf8 ? 'notUtf8' : code, params)
}

/** Yields the value and number of each line of a JSON lines text, without blank lines. */
export async function* readJsonLines(
  texts: AsyncIterable<string>
): AsyncGenerator<{ line: number; value: unknown }, void, void> {
  let number = 0
  for await (const line of splitLines(texts, maxRecordLength)) {
    number++
    if (line.trim() !== '') yield { line: number, value: parseLine(line) }
  }
}

/** Returns a line that is not JSON as text, so that it becomes a rejected row like any value that is not an object. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(cutDeep(line))
  } catch {
    return line
  }
}
