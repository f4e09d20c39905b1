import { once } from 'node:events'
import { fstatSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { SaxesParser, type SaxesTagPlain } from 'saxes'
import yauzl, { type Entry, type ZipFile } from 'yauzl'
import { FileFault } from './file-fault.ts'
import { maxRecordLength } from './read-file.ts'

/** The parts of an .xlsx file: XML texts in a ZIP archive. They can be read in any order, one at a time. */
export interface XlsxParts {
  has(name: string): boolean
  /** Yields the results of `handlers` for each chunk of a part. @throws FileFault if it is too large or damaged */
  read<T>(name: string, handlers: XmlHandlers<T>, maxBytes?: number): AsyncGenerator<T, void, void>
}

/** Called for each element, with its name without prefix. `take` returns the results since its last call. */
export interface XmlHandlers<T> {
  open?(name: string, attributes: Record<string, string>): void
  text?(text: string): void
  close?(name: string): void
  take(): T
}

/**
 * Limit of the bytes of all parts together, for each byte of the file, because a small archive can unpack to any size. Lists
 * of people have 5 to 20.
 */
const unpackedPerByte = 200
const leastUnpacked = 64 * 1024 * 1024
/** Enough for more than two million rows of twenty columns. */
const mostUnpacked = 2 * 1024 * 1024 * 1024
/** Workbooks have a few dozen. */
const maxEntries = 10_000
/** A cell is within five elements. */
const maxDepth = 100

/** Opens an .xlsx file from a file descriptor, which stays open. The signal stops reading. @throws FileFault */
export async function openXlsxParts(fd: number, signal?: AbortSignal): Promise<XlsxParts> {
  const { size } = fstatSync(fd)
  let left = Math.min(mostUnpacked, Math.max(leastUnpacked, size * unpackedPerByte))
  const archive = await openArchive(fd)
  const entries = await listEntries(archive)
  const openStream = promisify<Entry, Readable>(archive.openReadStream.bind(archive))
  return {
    has: name => entries.has(name),
    async *read(name, handlers, maxBytes = Number.POSITIVE_INFINITY) {
      const entry = entries.get(name)
      if (entry === undefined) throw new FileFault({}, 'partMissing')
      if (entry.isEncrypted()) throw new FileFault({}, 'password')
      const largest = Math.min(left, maxBytes)
      let unpacked = 0
      const count = (bytes: number) => {
        signal?.throwIfAborted()
        unpacked += bytes
        if (unpacked > largest) throw new FileFault({}, 'partTooLarge')
      }
      let stream: Readable | undefined
      try {
        // Checks the stated size first; the real size is counted while the part is unpacked.
        if (entry.uncompressedSize > largest) count(entry.uncompressedSize)
        stream = await openStream(entry)
        yield* parseXml(stream, handlers, count)
      } catch (error) {
        if (error instanceof FileFault || signal?.aborted) throw error
        // The error is only the cause, because its message may quote the file.
        throw new FileFault({}, 'partDamaged', {}, { cause: error })
      } finally {
        left -= unpacked
        stream?.destroy()
      }
    }
  }
}

async function openArchive(fd: number): Promise<ZipFile> {
  // The archive is never closed, because that would close the descriptor, which belongs to the caller.
  // `validateEntrySizes` reports a part that is larger than its stated size.
  const options = { lazyEntries: true, autoClose: false, validateEntrySizes: true }
  try {
    return await promisify<number, yauzl.Options, ZipFile>(yauzl.fromFd)(fd, options)
  } catch (error) {
    throw new FileFault({}, 'notXlsx', {}, { cause: error })
  }
}

async function listEntries(archive: ZipFile): Promise<Map<string, Entry>> {
  const entries = new Map<string, Entry>()
  const ended = once(archive, 'end')
  archive.on('entry', (entry: Entry) => {
    entries.set(entry.fileName, entry)
    if (entries.size > maxEntries) archive.emit('error', new Error('too many entries'))
    else archive.readEntry()
  })
  archive.readEntry()
  try {
    await ended
  } catch (error) {
    throw new FileFault({}, 'listDamaged', {}, { cause: error })
  }
  return entries
}

async function* parseXml<T>(
  stream: Readable,
  handlers: XmlHandlers<T>,
  count: (bytes: number) => void
): AsyncGenerator<T, void, void> {
  // Entities of a document type are not expanded: the parser reports an unknown entity as an error.
  const parser = new SaxesParser({ xmlns: false, position: false })
  parser.on('error', error => {
    throw new FileFault({}, 'partNotXml', {}, { cause: error })
  })
  let depth = 0
  let withoutTag = 0
  parser.on('opentag', (tag: SaxesTagPlain) => {
    if (++depth > maxDepth) throw new FileFault({}, 'tooDeep', { elements: maxDepth })
    withoutTag = 0
    handlers.open?.(localName(tag.name), tag.attributes)
  })
  parser.on('closetag', (tag: SaxesTagPlain) => {
    depth--
    withoutTag = 0
    handlers.close?.(localName(tag.name))
  })
  if (handlers.text) parser.on('text', text => handlers.text?.(text))
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    count(chunk.length)
    // The parser buffers a text, a tag or a comment until its end, so its length is limited.
    withoutTag += chunk.length
    if (withoutTag > maxRecordLength + chunk.length) {
      throw new FileFault({}, 'valueTooLong', { characters: maxRecordLength })
    }
    parser.write(decoder.decode(chunk, { stream: true }))
    yield handlers.take()
  }
  parser.write(decoder.decode()).close()
  yield handlers.take()
}

/** Removes the prefix, because some programs write one before each name: `x:row`. */
function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}
