import type { Readable } from 'node:stream'
import { Agent, request } from 'undici'
import { BodyTooLarge, type BoundedBody, mostCodings, readBounded, TooManyCodings } from '../platform/bounded-body.ts'
import { formatTraceparent, type TraceContext } from '../platform/trace-context.ts'
import { inSpan, type Span } from '../platform/tracing.ts'
import { AttemptFailed, failureOf } from './attempt.ts'
import { toUtf8 } from './charset.ts'
import { KkiBodyTooLarge } from './errors.ts'
import { parseHttpDate } from './http-date.ts'
import type { KkiSettings } from './options.ts'
import { createPace } from './pace.ts'
import type { CallContext } from './types.ts'

/** Error answers are only searched for a code, so a large one is not read. */
const maxErrorBodyBytes = 64 * 1024

export interface HttpCall {
  method: 'GET' | 'POST'
  url: URL
  /** The path in the description; `url` may contain an STR. */
  route: string
  headers?: Record<string, string>
  body?: string
  /** Limit of the decompressed body of a successful answer. */
  maxBodyBytes: number
  /** Aborting it ends the call with the signal's reason. */
  signal: AbortSignal
  context: CallContext
}

export interface HttpAnswer {
  status: number
  /** The `Date` header in milliseconds since the epoch; `null` if it is missing or not an HTTP date. */
  date: number | null
  /** When the request was sent and the headers of the answer came, by our own clock, in milliseconds since the epoch. */
  askedAt: number
  answeredAt: number
  retryAfter: string | null
  /** The header `Link`. */
  link: string | null
  /** Decompressed, and in UTF-8 for a status of 2xx. Empty if an error answer could not be read. */
  body: Buffer
  /** Whether `Content-Encoding` names an unknown coding; `body` is then not decoded. */
  hasUnknownCoding: boolean
  /** Releases the memory of `body` for later answers; `body` must not be used afterwards. The call is optional. */
  release(): void
}

/** One HTTP exchange with KKI at a time limit, body included. */
export interface KkiHttp {
  /** @throws AttemptFailed for failures that may be temporary, KkiBodyTooLarge, and the reason of an aborted `signal`. */
  send(call: HttpCall): Promise<HttpAnswer>
  close(): Promise<void>
}

/** Returns a pool of connections with the client's limits; nothing is retried or redirected here. */
export function createHttp(settings: KkiSettings): KkiHttp {
  const agent = new Agent({
    connect: { timeout: settings.connectTimeoutMs },
    headersTimeout: settings.headersTimeoutMs,
    bodyTimeout: settings.bodyTimeoutMs,
    // The retry rules know the error codes of HTTP/1.1; HTTP/2 has other codes for the same faults.
    allowH2: false
  })

  const buffers = new BodyBuffers()
  const takeTurn = createPace(settings.description.limits.requestsPerSecond)

  async function exchange(call: HttpCall, span: Span): Promise<HttpAnswer> {
    const askedAt = Date.now()
    const response = await request(call.url, {
      dispatcher: agent,
      method: call.method,
      headers: { ...headersFor(call.context, span.context, settings.userAgent), ...call.headers },
      body: call.body ?? null,
      signal: AbortSignal.any([AbortSignal.timeout(settings.pageTimeoutMs), call.signal])
    })
    const answeredAt = Date.now()
    const { statusCode: status, headers } = response
    span.set({ 'http.response.status_code': status })
    if (!isSuccess(status)) span.fail({ code: String(status) })
    const encoding = headers['content-encoding']
    const { body: received, hasUnknownCoding } = isSuccess(status)
      ? await readBody(response.body, encoding, call, buffers.take())
      : await readErrorBody(response.body, encoding)
    const body = isSuccess(status) ? toUtf8(received, single(headers['content-type']), hasUnknownCoding) : received
    settings.observer.onAnswer?.({ route: call.route, status, headers, body })
    let isReleased = false
    return {
      status,
      date: parseHttpDate(single(headers.date)),
      askedAt,
      answeredAt,
      retryAfter: single(headers['retry-after']),
      link: headers.link === undefined ? null : [headers.link].flat().join(', '),
      body,
      hasUnknownCoding,
      release() {
        // A second release would let two pages share the same memory.
        if (!isReleased) buffers.give(received)
        isReleased = true
      }
    }
  }

  return {
    async send(call) {
      const { method, route, context } = call
      await takeTurn(call.signal)
      const attributes = {
        'http.request.method': method,
        'url.template': route,
        'server.address': settings.baseUrl.hostname,
        ...(context.page !== undefined && { 'sdmk.kki.page': context.page })
      }
      const options = { ids: { trace_id: context.traceId }, kind: 'client' as const, attributes }
      return inSpan(`${method} ${route}`, options, async span => {
        try {
          return await exchange(call, span)
        } catch (error) {
          call.signal.throwIfAborted()
          if (error instanceof KkiBodyTooLarge || error instanceof AttemptFailed) throw error
          throw failureOf(error)
        }
      })
    },
    close: () => agent.destroy()
  }
}

/** Returns whether a status is 2xx. */
export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}

function headersFor(context: CallContext, place: TraceContext, userAgent: string): Record<string, string> {
  return {
    'accept-encoding': 'gzip',
    'user-agent': userAgent,
    'x-request-id': context.requestId,
    traceparent: formatTraceparent(place)
  }
}

/** Reads a successful answer, and converts errors into those of the KKI client. */
async function readBody(
  source: Readable,
  encoding: string | string[] | undefined,
  { maxBodyBytes, context }: HttpCall,
  buffer: Buffer
): Promise<BoundedBody> {
  try {
    return await readBounded(source, encoding, maxBodyBytes, buffer)
  } catch (error) {
    if (error instanceof BodyTooLarge) {
      const problem = `KKI sent a body of more than ${error.limit} bytes; it was not read to its end`
      throw new KkiBodyTooLarge(problem, { page: context.page })
    }
    if (!(error instanceof TooManyCodings)) throw error
    throw new AttemptFailed({ kind: 'contract', problem: `sent a body with more than ${mostCodings} content codings` })
  }
}

/** Few calls run concurrently, and few pages are in use. */
const buffersKept = 8

/**
 * Reuses the memory of pages that were read. The garbage collector would free it only after a hundred more pages. A buffer
 * that one unusual answer has enlarged is not kept.
 */
class BodyBuffers {
  readonly #free: Buffer[] = []

  take(): Buffer {
    return this.#free.pop() ?? Buffer.alloc(0)
  }

  give(body: Buffer): void {
    const isFair = body.buffer.byteLength <= 4 * body.length
    if (isFair && this.#free.length < buffersKept) this.#free.push(Buffer.from(body.buffer))
  }
}

/** The body of an error answer is optional, so it may be missing, cut or too large. */
async function readErrorBody(source: Readable, encoding: string | string[] | undefined): Promise<BoundedBody> {
  try {
    return await readBounded(source, encoding, maxErrorBodyBytes)
  } catch {
    return { body: Buffer.alloc(0), hasUnknownCoding: false }
  }
}

function single(value: string | string[] | undefined): string | null {
  return (Array.isArray(value) ? value[0] : value) ?? null
}
