import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type ContentCodings, type Decoder, parseContentEncoding } from './content-coding.ts'

/** No honest server uses more layers, and each costs the work of a whole body. */
export const mostCodings = 3

/** An answer is larger than its reader allows. Each client converts this into its own error. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
  /** In bytes. */
  readonly limit: number

  constructor(limit: number) {
    super(`more than ${limit} bytes`)
    this.limit = limit
  }
}

/** An answer is compressed more than `mostCodings` times. Each client converts this into its own error. */
export class TooManyCodings extends Error {
  override readonly name = 'TooManyCodings'

  constructor() {
    super(`more than ${mostCodings} content codings`)
  }
}

export interface BoundedBody {
  body: Buffer
  /** Whether `Content-Encoding` names an unknown coding; `body` is then not decoded. */
  hasUnknownCoding: boolean
}

/**
 * Reads the body of an answer, decompressed, and never holds more than `limit` bytes of it. The body is written into
 * `buffer`, or into a larger one if it does not fit. The source is destroyed if it is not read to its end.
 * @throws BodyTooLarge, TooManyCodings, and the errors of the source and of zlib
 */
export async function readBounded(
  source: Readable,
  contentEncoding: string | string[] | undefined,
  limit: number,
  buffer: Buffer = Buffer.alloc(0)
): Promise<BoundedBody> {
  const codings = parseContentEncoding(String(contentEncoding ?? ''))
  return { body: await collect(source, codings, limit, buffer), hasUnknownCoding: codings.hasUnknown }
}

async function collect(source: Readable, { decoders }: ContentCodings, limit: number, buffer: Buffer): Promise<Buffer> {
  if (decoders.length > mostCodings) {
    source.on('error', () => {}).destroy()
    throw new TooManyCodings()
  }
  let body = buffer
  let size = 0
  // Copied, so that the memory of each chunk is free at once.
  const copyAll = async (stream: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of stream) {
      const needed = size + chunk.length
      if (needed > limit) throw new BodyTooLarge(limit)
      if (needed > body.length) body = enlarge(body, size, needed)
      chunk.copy(body, size)
      size = needed
    }
  }
  await pipeline(decode(source, decoders, limit), copyAll)
  return body.subarray(0, size)
}

/** An inner layer can be huge although the outer result is small, so each layer is limited. */
function decode(source: Readable, [decoder, ...further]: Decoder[], limit: number): Readable {
  if (decoder === undefined) return source
  const decoded = decoder(source)
  if (further.length === 0) return decoded
  return decode(Readable.from(limited(decoded, limit)), further, limit)
}

async function* limited(source: Readable, limit: number): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of source) {
    size += chunk.length
    if (size > limit) throw new BodyTooLarge(limit)
    yield chunk
  }
}

function enlarge(body: Buffer, size: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * body.length))
  body.copy(larger, 0, 0, size)
  return larger
}
