import { AsyncLocalStorage } from 'node:async_hooks'
import { describeError } from './describe-error.ts'
import { batchSpanId, createSpanId, createTraceId, type TraceContext } from './trace-context.ts'

/** The ids of a piece of work, under their names in the log. */
export interface Ids {
  trace_id: string
  /** The request that caused it, from any program. */
  request_id?: string
  run_id?: number
  batch_id?: number
  queue?: string
  job_id?: string
}

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer'
/** Never personal data, and no URL, since the URL of a KKI record contains its STR. */
export type SpanAttributes = Record<string, string | number | boolean>

export interface SpanOptions {
  /** Added to those of the surrounding work. A different trace id leaves the surrounding work. */
  ids?: Partial<Ids>
  kind?: SpanKind
  attributes?: SpanAttributes
  /** The parent: another process or earlier work. By default the surrounding work, or else the batch. */
  from?: TraceContext | null
  /** By default a new id. */
  spanId?: string
  /** Links to traces that this work serves without being part of them. */
  links?: readonly TraceContext[]
  /** False for work that is too frequent to export. */
  isRecorded?: boolean
}

/** Data of a span at its start. */
export interface SpanStart extends TraceContext {
  parent: TraceContext | null
  kind: SpanKind
  attributes: SpanAttributes
  links: readonly TraceContext[]
}

/** An open span that will be exported. */
export interface RecordedSpan {
  set(attributes: SpanAttributes): void
  /** `failure` is a code or class of the error. */
  end(failure?: string): void
}

/** Exports spans; see `otlp.ts`. */
export interface Recorder {
  start(name: string, start: SpanStart): RecordedSpan
  /** Exports the remaining spans. */
  close(): Promise<void>
}

const present = new AsyncLocalStorage<Span | null>()
let recorder: Recorder | null = null

/** Exports the spans of this process from now on, or with `null` no longer. */
export function record(next: Recorder | null): void {
  recorder = next
}

/**
 * A piece of work: its ids are on every log line that is written within it, and calls to other systems carry its trace. If
 * this process exports spans, it is one span.
 */
export class Span {
  readonly ids: Readonly<Ids>
  /** The parent of calls that are made within it. */
  readonly context: TraceContext
  readonly #recorded: RecordedSpan | null
  #failure: string | undefined

  constructor(name: string, { ids, kind = 'internal', attributes = {}, from = null, ...given }: SpanOptions = {}) {
    const around = present.getStore()
    const traceId = ids?.trace_id ?? around?.ids.trace_id ?? createTraceId()
    const outer = around?.ids.trace_id === traceId ? around : null
    this.ids = { ...outer?.ids, ...ids, trace_id: traceId }
    const above = outer?.context ?? ofBatch(traceId, this.ids.batch_id)
    // Without an export we have no span, so calls name the parent instead.
    const spanId = given.spanId ?? (recorder === null ? above?.spanId : undefined) ?? createSpanId()
    this.context = { traceId, spanId }
    this.#recorded = null
    if (recorder === null || given.isRecorded === false) return
    const parent = from ?? (above?.spanId === spanId ? null : above)
    const all = { ...described(this.ids), ...attributes }
    this.#recorded = recorder.start(name, { ...this.context, parent, kind, attributes: all, links: given.links ?? [] })
  }

  get isRecorded(): boolean {
    return this.#recorded !== null
  }

  /** Returns what `work` returns, run within this span. */
  run<T>(work: () => T): T {
    return present.run(this, work)
  }

  set(attributes: SpanAttributes): void {
    this.#recorded?.set(attributes)
  }

  /** Marks it as failed with the error's code or class, since messages of other errors may contain anything. */
  fail(error: unknown): void {
    const { code, type } = describeError(error)
    this.#failure = typeof code === 'string' ? code : type
  }

  end(): void {
    this.#recorded?.end(this.#failure)
  }
}

/** Returns what `work` returns, run within a new span, which fails if `work` throws. */
export async function inSpan<T>(name: string, options: SpanOptions, work: (span: Span) => Promise<T>): Promise<T> {
  const span = new Span(name, options)
  try {
    return await span.run(() => work(span))
  } catch (error) {
    span.fail(error)
    throw error
  } finally {
    span.end()
  }
}

/**
 * Returns what `work` returns, run outside of the current work: for events that only happen during it, such as a broken
 * connection, or a circuit breaker that opens for all calls.
 */
export function apart<T>(work: () => T): T {
  return present.run(null, work)
}

/** Records a span for the creation of a batch, which ends at once. It is the parent of all later work on the batch. */
export function markBatch(
  ids: Required<Pick<Ids, 'trace_id' | 'run_id' | 'batch_id'>>,
  attributes: SpanAttributes
): void {
  new Span('batch', { ids, kind: 'producer', attributes, spanId: batchSpanId(ids.trace_id, ids.batch_id) }).end()
}

/** Returns the log fields of the current work, as a new object to which a line adds its own fields. */
export function presentIds(): Partial<Ids> & { span_id?: string } {
  const span = present.getStore()
  if (!span) return {}
  return span.isRecorded ? { ...span.ids, span_id: span.context.spanId } : { ...span.ids }
}

/** Returns the trace context of the current work; `null` if there is none. */
export function presentContext(): TraceContext | null {
  return present.getStore()?.context ?? null
}

function ofBatch(traceId: string, batchId: number | undefined): TraceContext | null {
  return batchId === undefined ? null : { traceId, spanId: batchSpanId(traceId, batchId) }
}

function described({ run_id, batch_id, queue, job_id }: Ids): SpanAttributes {
  return {
    ...(run_id !== undefined && { 'sdmk.run.id': run_id }),
    ...(batch_id !== undefined && { 'sdmk.batch.id': batch_id }),
    ...(queue !== undefined && { 'messaging.destination.name': queue }),
    ...(job_id !== undefined && { 'messaging.message.id': job_id })
  }
}
