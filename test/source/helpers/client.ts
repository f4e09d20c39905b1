import type { TestContext } from 'node:test'
import { SecretChanged } from '../../../sidecar/secrets/errors.ts'
import type { VersionedSecretStore } from '../../../sidecar/secrets/store.ts'
import { createKkiClient } from '../../../sidecar/source/client.ts'
import { loadDescription, shippedDescription } from '../../../sidecar/source/load.ts'
import type { KkiClientOptions } from '../../../sidecar/source/options.ts'
import type { CallContext, KkiClient } from '../../../sidecar/source/types.ts'
import type { FakeKki } from './fake-kki.ts'

const description = await loadDescription(shippedDescription)

export interface MemoryStore extends VersionedSecretStore {
  content: Map<string, Record<string, string>>
}

/** A store with the credentials of an invented client. */
export function memoryStore(content: Record<string, Record<string, string>> = {}): MemoryStore {
  const secrets = new Map<string, Record<string, string>>(
    Object.entries({ kki: { clientId: 'sdmk', clientSecret: 'not-a-secret' }, ...content })
  )
  const versionOf = (name: string): string => JSON.stringify(secrets.get(name) ?? null)
  return {
    content: secrets,
    read: async name => secrets.get(name) ?? null,
    readVersion: async name => ({ value: secrets.get(name) ?? null, version: versionOf(name) }),
    write: async (name, value) => {
      secrets.set(name, value)
    },
    replace: async (name, version, value) => {
      if (versionOf(name) !== version) throw new SecretChanged(name)
      secrets.set(name, value)
      return versionOf(name)
    }
  }
}

/** Returns a lock that lets one piece of work run at a time, in the order of asking. */
export function createMutex(): KkiClientOptions['withTokenLock'] {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const result = last.then(work)
    last = result.catch(() => {})
    return result
  }
}

export interface Recorded {
  statuses: string[]
  retries: number
  refreshes: string[]
  expires: number[]
  breaker: number[]
  logs: Array<{ level: string; fields: Record<string, unknown>; message: string }>
}

export interface TestClient {
  client: KkiClient
  store: MemoryStore
  seen: Recorded
}

/** Returns a client with delays of a millisecond that records its calls of the observer; it ends with the test. */
export function clientFor(t: TestContext, kki: FakeKki, overrides: Partial<KkiClientOptions> = {}): TestClient {
  const store = memoryStore()
  const seen: Recorded = { statuses: [], retries: 0, refreshes: [], expires: [], breaker: [], logs: [] }
  const log = (level: string) => (fields: object, message: string) => {
    seen.logs.push({ level, fields: { ...fields }, message })
  }
  const client = createKkiClient({
    description,
    baseUrl: kki.url,
    secrets: store,
    withTokenLock: createMutex(),
    retryBaseMs: 1,
    retryMaxMs: 5,
    logger: { info: log('info'), warn: log('warn'), error: log('error') },
    observer: {
      onRequest: ({ status }) => seen.statuses.push(status),
      onRetry: () => {
        seen.retries += 1
      },
      onTokenRefresh: result => seen.refreshes.push(result),
      onTokenExpires: at => seen.expires.push(at),
      onBreakerState: state => seen.breaker.push(state)
    },
    ...overrides
  })
  t.after(() => client.close())
  return { client, store, seen }
}

export function callContext(signal: AbortSignal = new AbortController().signal): CallContext {
  return { requestId: 'req-1', traceId: '0af7651916cd43dd8448eb211c80319c', signal }
}

/** Resolves once `condition` holds; looks again after each turn of the event loop, for a minute at most. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('the awaited condition did not come true')
    await new Promise(resolve => setImmediate(resolve))
  }
}
