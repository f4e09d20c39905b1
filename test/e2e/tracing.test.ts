import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type pg from 'pg'
import type { RunBody } from '../../sidecar/api/schemas.ts'
import { initIdentity } from '../../sidecar/identity/keys.ts'
import { createApiKey } from '../../sidecar/platform/api-key.ts'
import { scopes } from '../../sidecar/platform/scopes.ts'
import { batchSpanId } from '../../sidecar/platform/trace-context.ts'
import { createFileSecretStore } from '../../sidecar/secrets/file.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { createTestDatabase } from '../helpers/database.ts'
import { type OtlpReceiver, type ReceivedSpan, startOtlpReceiver } from '../helpers/otlp.ts'
import { fetchPatiently } from '../helpers/patiently.ts'
import { fault, inject, kkiRecord, temporaryFolder, waitForRun } from './helpers.ts'
import { type Service, serve } from './process.ts'

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
const callerSpanId = '00f067aa0ba902b7'
const traceparent = `00-${traceId}-${callerSpanId}-01`
const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 }

/** A flag for Node that tells each module of OpenTelemetry that is loaded, in a line on standard output. */
const tellModules = `--import=data:text/javascript,${encodeURIComponent(`
import { registerHooks } from 'node:module'
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context)
    const name = /node_modules\\/(@opentelemetry\\/[^/]+)/.exec(found.url)?.[1]
    if (name) console.log('LOADED ' + name)
    return found
  }
})`)}`

test('the spans of a run arrive in its trace, each under its cause, without personal data', async t => {
  const { receiver, processes, pool, simulator, call } = await startProcesses(t, {
    processes: ['fetch,api', 'registry']
  })
  const nik = '3171015501900007'
  const known = kkiRecord({ nik, nama: 'Wulandari Contoh' })
  const refused = kkiRecord({ nama: 'Bambang Contoh', tanggal_lahir: 'kemarin' })
  await inject(simulator, [{ record: known }, { record: refused }])
  await fault(simulator, { kind: 'status', on: 'list', status: 503, times: 1 })

  const started = await call('POST', '/v1/runs', {}, { traceparent })
  const run = await waitForRun(async id => ({ body: await call('GET', `/v1/runs/${id}`) }), (started as RunBody).id)
  assert.equal(run.traceId, traceId)
  const batchId = run.batches[0]?.id as number
  const { rows } = await pool.query<{ id: number; name: string }>('select id from kki.rejection')
  // Requests the STR of the rejected row from KKI; the STR is part of the address.
  const retried = await call('POST', `/v1/rejections/${rows[0]?.id}/retry`)
  await waitForRun(async id => ({ body: await call('GET', `/v1/runs/${id}`) }), (retried as { runId: number }).runId)
  for (const process of processes) assert.equal(await process.kill('SIGTERM'), 0)

  const spans = receiver.spans.filter(span => span.traceId === traceId)
  const one = (name: string, matches: (span: ReceivedSpan) => boolean = () => true) => {
    const found = spans.filter(span => span.name === name && matches(span))
    assert.equal(found.length, 1, `${name}: ${JSON.stringify(spans.map(span => span.name))}`)
    return found[0] as ReceivedSpan
  }
  const request = one('POST /v1/runs')
  assert.deepEqual([request.parentSpanId, request.kind, request.service], [callerSpanId, kinds.server, 'fetch,api'])
  assert.equal(request.attributes['http.response.status_code'], 202)
  const batch = one('batch')
  assert.deepEqual([batch.parentSpanId, batch.spanId], [request.spanId, batchSpanId(traceId, batchId)])
  const fetching = one('kki-fetch')
  assert.deepEqual(
    [fetching.parentSpanId, fetching.kind, fetching.service],
    [batch.spanId, kinds.consumer, 'fetch,api']
  )
  const ofBatch = one('fetch')
  assert.equal(ofBatch.parentSpanId, fetching.spanId)
  const plan = one('plan')
  const applying = one('kki-apply', span => span.spanId === plan.parentSpanId)
  assert.deepEqual([applying.parentSpanId, applying.kind], [batch.spanId, kinds.consumer])
  assert.equal(applying.service, 'registry', 'another process continues the trace that is stored with the batch')
  assert.equal(one('apply').parentSpanId, applying.spanId)
  for (const span of [fetching, ofBatch, applying, plan, one('stage')]) {
    assert.deepEqual([span.attributes['sdmk.batch.id'], span.attributes['sdmk.run.id']], [batchId, run.id])
  }
  const pages = spans.filter(span => span.name === 'GET /v1/tenaga-kesehatan')
  assert.ok(pages.every(span => span.parentSpanId === ofBatch.spanId && span.kind === kinds.client))
  assert.deepEqual(
    pages.filter(span => span.failed).map(span => span.attributes['error.type']),
    ['503'],
    'the failed attempt has its own span'
  )
  assert.equal(one('POST /oauth2/token').parentSpanId, ofBatch.spanId)

  const seen = simulator.requests().filter(({ route }) => route === 'GET /v1/tenaga-kesehatan')
  const sent = pages.map(span => `00-${traceId}-${span.spanId}-01`)
  assert.deepEqual(new Set(seen.map(request => request.traceparent)), new Set(sent), 'KKI gets the span of the request')

  assert.ok(receiver.spans.some(span => span.name === 'GET /v1/tenaga-kesehatan/{strNumber}'))
  assert.ok(!receiver.spans.some(span => /livez|readyz|metrics/.test(span.name)))
  const everything = receiver.bodies.map(({ body }) => body.toString()).join('\n')
  for (const personal of [nik, 'Wulandari', 'Bambang', 'kemarin', known.nomor_str, refused.nomor_str, '1990-01']) {
    assert.ok(!everything.toUpperCase().includes(String(personal).toUpperCase()), `${personal} is in a span`)
  }
  const statements = receiver.spans.flatMap(span => Object.keys(span.attributes).filter(name => name.startsWith('db.')))
  assert.deepEqual(statements, [])
})

test('spans are sent as protobuf by default, and log lines name their span', async t => {
  const { receiver, processes, call } = await startProcesses(t, { env: { OTEL_EXPORTER_OTLP_PROTOCOL: '' } })
  await call('GET', '/v1/runs', undefined, { traceparent })
  for (const process of processes) assert.equal(await process.kill('SIGTERM'), 0)
  const sent = receiver.bodies.find(({ body }) => body.includes(Buffer.from(traceId, 'hex')))
  assert.deepEqual([sent?.path, sent?.type], ['/v1/traces', 'application/x-protobuf'])
  const line = processes[0]
    ?.output()
    .split('\n')
    .find(text => text.includes(traceId)) as string
  const { span_id: spanId } = JSON.parse(line)
  assert.ok(sent?.body.includes(Buffer.from(spanId, 'hex')), line)
})

test('without a collector only its spans are lost', async t => {
  const { processes, call } = await startProcesses(t, { env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' } })
  const started = await call('POST', '/v1/runs', {})
  const run = await waitForRun(async id => ({ body: await call('GET', `/v1/runs/${id}`) }), (started as RunBody).id)
  assert.equal(run.state, 'applied')
  for (const process of processes) assert.equal(await process.kill('SIGTERM'), 0)
})

test('without an endpoint only the interface of OpenTelemetry is loaded', async t => {
  const loaded = async (env: Record<string, string>) => {
    const { processes, call } = await startProcesses(t, { env, nodeFlags: [tellModules] })
    await call('GET', '/v1/runs')
    for (const process of processes) assert.equal(await process.kill('SIGTERM'), 0)
    const names = processes.flatMap(process =>
      [...process.output().matchAll(/^LOADED (.*)$/gm)].map(([, name]) => name)
    )
    return [...new Set(names)].filter(name => name !== '@opentelemetry/api').sort()
  }
  assert.ok((await loaded({})).includes('@opentelemetry/sdk-trace'), 'the test can see loaded modules')
  assert.deepEqual(await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: '' }), [])
  assert.deepEqual(await loaded({ OTEL_SDK_DISABLED: 'true' }), [])
})

interface Scene {
  receiver: OtlpReceiver
  processes: Service[]
  pool: pg.Pool
  simulator: Awaited<ReturnType<typeof startSimulator>>
  call(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<unknown>
}

interface SceneOptions {
  /** The roles of each process; the first one answers. By default one with all of them. */
  processes?: string[]
  env?: Record<string, string>
  nodeFlags?: string[]
}

/** Starts processes that export their spans to a receiver, under the names of their roles. */
async function startProcesses(
  t: TestContext,
  { processes = ['fetch,registry,api'], env = {}, nodeFlags = [] }: SceneOptions = {}
): Promise<Scene> {
  const { url, pool } = await createTestDatabase(t)
  const simulator = await startSimulator({ rows: 0 })
  t.after(() => simulator.close())
  const directory = await temporaryFolder(t)
  const secrets = createFileSecretStore(directory)
  await initIdentity(secrets)
  await secrets.write('kki', { clientId: simulator.clientId, clientSecret: simulator.clientSecret })
  const { key } = await createApiKey(pool, 'test', [...scopes])
  const receiver = await startOtlpReceiver(t)
  const common = {
    KKI_BASE_URL: simulator.url,
    KKI_SETTLE: '0',
    KKI_RETRY_BASE: '20',
    SDMK_DATABASE_URL: url,
    SDMK_SECRETS_DIR: directory,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    ...env
  }
  const services: Service[] = []
  for (const roles of processes) {
    services.push(await serve(t, { ...common, SDMK_ROLES: roles, OTEL_SERVICE_NAME: roles }, nodeFlags))
  }
  return {
    receiver,
    processes: services,
    pool,
    simulator,
    async call(method, path, body, headers) {
      const response = await fetchPatiently(`${services[0]?.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }), ...headers },
        ...(body && { body: JSON.stringify(body) })
      })
      const answer = await response.json()
      assert.ok(response.ok, `${method} ${path}: ${JSON.stringify(answer)}`)
      return answer
    }
  }
}
