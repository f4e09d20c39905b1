import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A span as OTLP carries it, with its attributes as an object. */
export interface ReceivedSpan {
  service: string
  name: string
  traceId: string
  spanId: string
  /** Null for the first of its trace. */
  parentSpanId: string | null
  kind: number
  failed: boolean
  attributes: Record<string, unknown>
  links: { traceId: string; spanId: string }[]
}

export interface OtlpReceiver {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  url: string
  /** The requests with JSON. */
  spans: ReceivedSpan[]
  /** All requests, verbatim. */
  bodies: { path: string; type: string; body: Buffer }[]
}

/** Starts a collector that records OTLP over HTTP; it ends with the test. */
export async function startOtlpReceiver(t: TestContext): Promise<OtlpReceiver> {
  const receiver: OtlpReceiver = { url: '', spans: [], bodies: [] }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const type = request.headers['content-type'] ?? ''
      const body = Buffer.concat(chunks)
      receiver.bodies.push({ path: request.url ?? '', type, body })
      if (type === 'application/json') receiver.spans.push(...spansOf(JSON.parse(body.toString())))
      response.writeHead(200, { 'content-type': type }).end(type === 'application/json' ? '{}' : '')
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return receiver
}

interface KeyValue {
  key: string
  value: Record<string, unknown>
}

interface Export {
  resourceSpans: {
    resource: { attributes: KeyValue[] }
    scopeSpans: {
      spans: {
        name: string
        traceId: string
        spanId: string
        parentSpanId?: string
        kind: number
        status?: { code?: number }
        attributes: KeyValue[]
        links?: { traceId: string; spanId: string }[]
      }[]
    }[]
  }[]
}

/** @see https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding */
function spansOf({ resourceSpans }: Export): ReceivedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ attributes, parentSpanId, status, links = [], ...span }) => ({
        ...span,
        service: String(toObject(resource.attributes)['service.name']),
        parentSpanId: parentSpanId || null,
        failed: status?.code === 2,
        attributes: toObject(attributes),
        links
      }))
    )
  )
}

function toObject(attributes: KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))
}
