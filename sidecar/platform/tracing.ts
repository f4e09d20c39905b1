import { AsyncLocalStorage } from 'node:async_hooks'
import { describeError } from './describe-error.ts'
import { batchSpanId, createSpanId, createTraceId, type TraceContext } from './trace-context.ts'

/** What a piece of work belongs to, under the names that these ids have in the log. */
export interface Ids {
  trace_id: string
  /** The request that asked for it, by whatever program it came. */
  request_id?: string
  run_id?: number
  batch_id?: number
  queue?: string
  job_id?: string
}

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer'
/** Never personal data, and no address: that of one record of KKI holds its STR. */
export type SpanAttributes = Record<string, string | number | boolean>

export interface SpanOptions {
  /** Added to those of the work around it. Another trace leaves the work around it. */
  ids?: Partial<Ids>
  kind?: SpanKind
  attributes?: SpanAttributes
  /** Where it was asked for: by another process, or earlier. By default the work around it, or else the batch. */
  from?: TraceContext | null
  /** By default a new one. */
  spanId?: string
  /** Traces that this work serves without being part of them. */
  links?: readonly TraceContext[]
  /** False for what is too common to be exported. */
  isRecorded?: boolean
}

/** What is known of a span when it begins. */
export interface SpanStart extends TraceContext {
  parent: TraceContext | null
  kind: SpanKind
  attributes: SpanAttributes
  links: readonly TraceContext[]
}

/** A span on its way to be exported. */
export interface RecordedSpan {
  set(attributes: SpanAttributes): void
  /** `failure` is a word for what went wrong. */
  end(failure?: string): void
}

/** Exports spans; see `otlp.ts`. */
export interface Recorder {
  start(name: string, start: SpanStart): RecordedSpan
  /** Exports what is left. */
  close(): Promise<void>
}

const present = new AsyncLocalStorage<Span | null>()
let recorder: Recorder | null = null

/** Exports the spans of this process from now on, or with `null` no longer. */
export function record(next: Recorder | null): void {
  recorder = next
}

/**
 * A piece of work: its ids are on every log line that is written within it, calls to other systems carry its trace, and
 * where this process exports spans it is one.
 */
export class Span {
  readonly ids: Readonly<Ids>
  /** Where calls that are made within it come from. */
  readonly context: TraceContext
  readonly #recorded: RecordedSpan | null
  #failure: string | undefined

  constructor(name: string, { ids, kind = 'internal', attributes = {}, from = null, ...given }: SpanOptions = {}) {
    const around = present.getStore()
    const traceId = ids?.trace_id ?? around?.ids.trace_id ?? createTraceId()
    const outer = around?.ids.trace_id === traceId ? around : null
    this.ids = { ...outer?.ids, ...ids, trace_id: traceId }
    const above = outer?.context ?? ofBatch(traceId, this.ids.batch_id)
    // Where nothing is exported there is no span of ours to name: calls come from what is above.
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

  /** Returns what `work` returns, done within this span. */
  run<T>(work: () => T): T {
    return present.run(this, work)
  }

  set(attributes: SpanAttributes): void {
    this.#recorded?.set(attributes)
  }

  /** Marks it as failed, by the error's code or class: texts of errors that are not ours may hold anything. */
  fail(error: unknown): void {
    const { code, type } = describeError(error)
    this.#failure = typeof code === 'string' ? code : type
  }

  end(): void {
    this.#recorded?.end(this.#failure)
  }
}

/** Returns what `work` returns, done within a span of its own, which fails where `work` throws. */
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
 * Returns what `work` returns, done outside of the present work: for what only happens in its midst, such as a connection
 * that breaks, or a breaker that opens for everybody.
 */
export function apart<T>(work: () => T): T {
  return present.run(null, work)
}

/** Records that a batch was made. It is over at once; all work on the batch stands under it, whoever does it and when. */
export function markBatch(
  ids: Required<Pick<Ids, 'trace_id' | 'run_id' | 'batch_id'>>,
  attributes: SpanAttributes
): void {
  new Span('batch', { ids, kind: 'producer', attributes, spanId: batchSpanId(ids.trace_id, ids.batch_id) }).end()
}

/** Returns what log lines say of the present work; a new object, to which a line adds its own fields. */
export function presentIds(): Partial<Ids> & { span_id?: string } {
  const span = present.getStore()
  if (!span) return {}
  return span.isRecorded ? { ...span.ids, span_id: span.context.spanId } : { ...span.ids }
}

/** Returns where the present work stands; `null` outside of any. */
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
