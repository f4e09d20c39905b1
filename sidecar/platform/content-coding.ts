import { pipeline, Readable, type Transform } from 'node:stream'
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress
} from 'node:zlib'

/** Returns the decoded stream. An error of its source fails it, and destroying it destroys its source. */
export type Decoder = (source: Readable) => Readable

/** RFC 9659 allows no larger window over HTTP; without a limit one answer could ask for 128 MiB. */
const zstdWindowLog = 23

const decoders: Record<string, Decoder> = {
  gzip: source => through(source, createGunzip()),
  'x-gzip': source => through(source, createGunzip()),
  deflate: source => Readable.from(inflateEither(source)),
  br: source => through(source, createBrotliDecompress()),
  zstd: source => through(source, createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLog } }))
}

/** The codings of a `Content-Encoding` header. */
export interface ContentCodings {
  /** In the order of decoding, so the last coding of the header comes first. */
  decoders: Decoder[]
  /** Whether it names an unknown coding, such as `utf-8`. The body is then not decoded. */
  hasUnknown: boolean
}

/** Parses a `Content-Encoding` header: a list in any case, in which empty items and `identity` have no effect. */
export function parseContentEncoding(header: string): ContentCodings {
  const names = header
    .toLowerCase()
    .split(',')
    .map(name => name.trim())
    .filter(name => name !== '' && name !== 'identity')
  const known = names.filter(name => Object.hasOwn(decoders, name))
  return {
    decoders: known.reverse().map(name => decoders[name] as Decoder),
    hasUnknown: known.length < names.length
  }
}

function through(source: Readable, decoder: Transform): Readable {
  // The reader of the decoder gets the error, so the callback does nothing.
  return pipeline(source, decoder, () => {})
}

/** `deflate` means the zlib format, but some servers send raw deflate data. Only the first byte distinguishes them. */
async function* inflateEither(source: Readable): AsyncGenerator<Buffer> {
  const chunks = source[Symbol.asyncIterator]()
  const first = await chunks.next()
  if (first.done) return
  const whole = async function* (): AsyncGenerator<Buffer> {
    yield first.value
    yield* chunks
  }
  const isZlib = (first.value[0] & 0x0f) === 8
  yield* through(Readable.from(whole()), isZlib ? createInflate() : createInflateRaw())
}
