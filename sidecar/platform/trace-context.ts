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
 * Returns the id of the span under which all work on a batch stands. It follows from what is stored with the batch, so
 * that every process finds it by itself.
 */
export function batchSpanId(traceId: string, batchId: number): string {
  return hash('sha256', `${traceId} batch ${batchId}`).slice(0, 16)
}

/** Returns what a `traceparent` header says, or `null` where it is missing or not valid. */
export function parseTraceparent(header: string | string[] | undefined): TraceContext | null {
  const match =
    typeof header === 'string' ? /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-|$)/.exec(header) : null
  const [, version, traceId = '', spanId = ''] = match ?? []
  // Version ff and all-zero ids are not valid.
  if (!match || version === 'ff' || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return null
  return { traceId, spanId }
}

/** Returns the `traceparent` header of a call that is made here. */
export function formatTraceparent({ traceId, spanId }: TraceContext): string {
  // Runs are few and each is worth recording: whoever is called may.
  return `00-${traceId}-${spanId}-01`
}
