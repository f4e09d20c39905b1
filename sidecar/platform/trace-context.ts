import { hash, randomBytes } from 'node:crypto'

/** A place in a trace: 32 and 16 hex digits. @see https://www.w3.org/TR/trace-context/ */
export interface TraceContext {
  traceId: string
  spanId: string
}

/** Returns a new trace id. */
export function createTraceId(): string {
  return randomBytes(16).toString('hex')
}

/** Returns a new span id. */
export function createSpanId(): string {
  return randomBytes(8).toString('hex')
}

/**
 * Returns the id of the span above all work on a batch. It is derived from stored data of the batch, so every process
 * computes the same id.
 */
export function batchSpanId(traceId: string, batchId: number): string {
  return hash('sha256', `${traceId} batch ${batchId}`).slice(0, 16)
}

/** Parses a `traceparent` header; returns `null` if it is missing or not valid. */
export function parseTraceparent(header: string | string[] | undefined): TraceContext | null {
  const match =
    typeof header === 'string' ? /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/.exec(header) : null
  const [, version, traceId = '', spanId = ''] = match ?? []
  // Version ff and all-zero ids are not valid.
  if (!match || version === 'ff' || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return null
  return { traceId, spanId }
}

/** Returns the `traceparent` header of an outgoing call. */
export function formatTraceparent({ traceId, spanId }: TraceContext): string {
  // Always sampled, since runs are few and each is worth recording.
  return `00-${traceId}-${spanId}-01`
}
