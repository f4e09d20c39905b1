import { setTimeout as sleep } from 'node:timers/promises'
import { DiagLogLevel, diag, ROOT_CONTEXT, SpanKind, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api'
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector
} from '@opentelemetry/resources'
import { AlwaysOnSampler, BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'
import packageJson from '../../package.json' with { type: 'json' }
import type { Recorder, SpanStart } from './tracing.ts'

/** How long the end of the process may wait for the export of the last spans. */
const flushMs = 3000

export interface OtlpOptions {
  protocol: 'http/protobuf' | 'http/json'
  serviceName: string
  logger: Logger
}

const kinds = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER
}

/**
 * Returns an exporter of spans by OTLP. The OpenTelemetry library reads address, headers, limits and certificates from the
 * standard variables. Only a process that exports spans imports this module, and with it OpenTelemetry.
 */
export async function createOtlpRecorder({ protocol, serviceName, logger }: OtlpOptions): Promise<Recorder> {
  // The exporter's message may contain the address and the collector's answer.
  const report = (text: string) =>
    logger.warn({ reason: /"code":"(\w+)"/.exec(text)?.[1] }, 'spans could not be exported')
  const ignore = () => {}
  diag.setLogger({ error: report, warn: ignore, info: ignore, debug: ignore, verbose: ignore }, DiagLogLevel.ERROR)
  // Resource attributes from the environment take precedence over ours.
  const detectors = [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector]
  // An exported span gets the ids of our own span, which exist without an export too.
  let next: Pick<SpanStart, 'traceId' | 'spanId'>
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': serviceName, 'service.version': packageJson.version }))
      .merge(detectResources({ detectors })),
    // Runs are few. The collector sees whole traces and decides which ones to keep.
    sampler: new AlwaysOnSampler(),
    idGenerator: { generateTraceId: () => next.traceId, generateSpanId: () => next.spanId },
    spanProcessors: [new BatchSpanProcessor({ exporter: await createExporter(protocol) })]
  })
  const tracer = provider.getTracer(packageJson.name, packageJson.version)
  return {
    start(name, { traceId, spanId, parent, kind, attributes, links }) {
      next = { traceId, spanId }
      const sampled = { traceFlags: TraceFlags.SAMPLED }
      const within = parent
        ? trace.setSpanContext(ROOT_CONTEXT, { ...parent, ...sampled, isRemote: true })
        : ROOT_CONTEXT
      const options = {
        kind: kinds[kind],
        attributes,
        links: links.map(context => ({ context: { ...context, ...sampled } }))
      }
      const span = tracer.startSpan(name, options, within)
      return {
        set: more => void span.setAttributes(more),
        end(failure) {
          if (failure !== undefined) span.setStatus({ code: SpanStatusCode.ERROR }).setAttribute('error.type', failure)
          span.end()
        }
      }
    },
    async close() {
      const flushed = provider.shutdown().catch(error => logger.warn({ err: error }, 'spans could not be exported'))
      // An unreachable collector must not delay the end; spans that it does not accept now are lost.
      await Promise.race([flushed, sleep(flushMs, undefined, { ref: false })])
      diag.disable()
    }
  }
}

async function createExporter(protocol: OtlpOptions['protocol']): Promise<SpanExporter> {
  const { OTLPTraceExporter } =
    protocol === 'http/json'
      ? await import('@opentelemetry/exporter-trace-otlp-http')
      : await import('@opentelemetry/exporter-trace-otlp-proto')
  return new OTLPTraceExporter()
}
