import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { batchSpanId, type TraceContext } from '../../sidecar/platform/trace-context.ts'
import {
  apart,
  inSpan,
  markBatch,
  presentContext,
  type Recorder,
  record,
  Span,
  type SpanStart
} from '../../sidecar/platform/tracing.ts'

const [one, other] = ['a'.repeat(32), 'b'.repeat(32)]
const batch = { trace_id: one, run_id: 3, batch_id: 7 }
const ofBatch = { traceId: one, spanId: batchSpanId(one, 7) }
const here = async () => presentContext() as TraceContext

/** Starts recording; returns the recorded spans, by name. */
function recorded(): Map<string, SpanStart & { failure?: string | undefined; isOver?: boolean }> {
  const spans = new Map()
  const recorder: Recorder = {
    start(name, start) {
      spans.set(name, start)
      return {
        set: attributes => void Object.assign(start.attributes, attributes),
        end: failure => void spans.set(name, { ...start, failure, isOver: true })
      }
    },
    close: async () => undefined
  }
  record(recorder)
  return spans
}
afterEach(() => record(null))

test('without an export, calls for a batch still carry its trace, in every process', async () => {
  const seen = await inSpan('job', { ids: batch }, () => inSpan('call', { kind: 'client' }, here))
  assert.deepEqual(seen, ofBatch)
})

test('a span is a child of the one around it, and the first of a job a child of its batch', async () => {
  const spans = recorded()
  const call = await inSpan('job', { ids: batch }, () => inSpan('call', { kind: 'client' }, here))
  const [job, inner] = [spans.get('job'), spans.get('call')]
  assert.deepEqual(job?.parent, ofBatch)
  assert.deepEqual(inner?.parent, { traceId: one, spanId: job?.spanId })
  assert.deepEqual({ traceId: inner?.traceId, spanId: inner?.spanId }, call)
  assert.deepEqual(inner?.attributes, { 'sdmk.run.id': 3, 'sdmk.batch.id': 7 })
  assert.equal(inner?.isOver, true)
})

test('a batch is a child of its request, or begins its trace', () => {
  const spans = recorded()
  const request = new Span('request', { ids: { trace_id: one } })
  request.run(() => markBatch(batch, {}))
  assert.deepEqual(spans.get('batch')?.parent, request.context)
  assert.equal(spans.get('batch')?.spanId, ofBatch.spanId)
  apart(() => markBatch(batch, {}))
  assert.equal(spans.get('batch')?.parent, null)
})

test('work of another trace inherits nothing from the work around it', async () => {
  const spans = recorded()
  const ids = await inSpan('job', { ids: batch }, () =>
    inSpan('apart', { ids: { trace_id: other } }, async span => span.ids)
  )
  assert.deepEqual(ids, { trace_id: other })
  assert.equal(spans.get('apart')?.parent, null)
})

test('work that throws is marked as failed by a code or a class, not by its text', async () => {
  const spans = recorded()
  const failing = (error: Error) => inSpan('job', {}, () => Promise.reject(error))
  await assert.rejects(failing(new RangeError('Orang Rekaan')), /Orang/)
  assert.equal(spans.get('job')?.failure, 'RangeError')
  await assert.rejects(failing(Object.assign(new Error('Orang Rekaan'), { code: 'KKI_UNAVAILABLE' })))
  assert.equal(spans.get('job')?.failure, 'KKI_UNAVAILABLE')
  await assert.rejects(failing(Object.assign(new RangeError(), { code: 'Orang Rekaan' })))
  assert.equal(spans.get('job')?.failure, 'RangeError')
})
