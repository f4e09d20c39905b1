import type { IncomingHttpHeaders } from 'node:http'
import type { VersionedSecretStore } from '../secrets/store.ts'
import type { SourceDescription } from './description.ts'
import type { SourceModule } from './module.ts'

/** An unparsed answer of any status. Read or copy `body` at once, because its memory is reused for later answers. */
export interface RawAnswer {
  /** The path in the description. */
  route: string
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

/** Callbacks of the client for metrics and for `sdmk source check`. They must not wait or throw. */
export interface KkiObserver {
  onAnswer?(answer: RawAnswer): void
  /** One list request ended; `status` is the HTTP status, `error`, `timeout` or `aborted`. */
  onRequest?(request: { status: string; seconds: number }): void
  onRetry?(): void
  /** One grant ended: `denied` by KKI, `failed` without a usable answer. */
  onTokenRefresh?(result: 'ok' | 'denied' | 'failed'): void
  onTokenExpires?(epochSeconds: number): void
  onBreakerState?(state: BreakerState): void
}

/** 0 closed, 1 half-open, 2 open. */
export type BreakerState = 0 | 1 | 2

/** The part of a pino logger that the client uses. */
export interface KkiLogger {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export interface BreakerLimits {
  volumeThreshold: number
  windowMs: number
  errorThresholdPercentage: number
  resetMs: number
}

export interface KkiLimits {
  connectTimeoutMs: number
  headersTimeoutMs: number
  /** Longest silence inside a body. */
  bodyTimeoutMs: number
  /** One attempt as a whole. */
  pageTimeoutMs: number
  /** After decompression. */
  maxBodyBytes: number
  /** After the first attempt. */
  retries: number
  retryBaseMs: number
  retryMaxMs: number
  /** The client does not wait for a longer `Retry-After`. */
  retryAfterMaxMs: number
  breaker: BreakerLimits
  /** How far the `Date` of an answer may be before the request or after the answer, by our own clock. */
  clockToleranceMs: number
  /** An access token is renewed this long before it expires, or a sixth of its lifetime if that is shorter. */
  tokenRefreshAheadMs: number
}

export interface KkiClientOptions extends Partial<KkiLimits> {
  description: SourceDescription
  /** The integrator's own code that the description names; `null` if it names none. */
  module?: SourceModule | null
  /** The base of the description's paths; it may contain a path. */
  baseUrl: string
  /** Has `kki` (the credentials) and `kki-token`, which the client writes. */
  secrets: VersionedSecretStore
  /** Runs `work` while no other process that shares `secrets` does. */
  withTokenLock: <T>(work: () => Promise<T>) => Promise<T>
  logger: KkiLogger
  observer?: KkiObserver
  userAgent?: string
}

const defaults: KkiLimits = {
  connectTimeoutMs: 5_000,
  headersTimeoutMs: 15_000,
  bodyTimeoutMs: 30_000,
  pageTimeoutMs: 60_000,
  maxBodyBytes: 32 * 1024 * 1024,
  retries: 3,
  retryBaseMs: 500,
  retryMaxMs: 30_000,
  retryAfterMaxMs: 600_000,
  breaker: { volumeThreshold: 5, windowMs: 60_000, errorThresholdPercentage: 50, resetMs: 30_000 },
  clockToleranceMs: 900_000,
  tokenRefreshAheadMs: 60_000
}

/** The options with every default filled in, and the base URL parsed. */
export type KkiSettings = KkiLimits &
  Required<
    Pick<KkiClientOptions, 'description' | 'module' | 'secrets' | 'withTokenLock' | 'logger' | 'observer' | 'userAgent'>
  > & { baseUrl: URL }

/** Returns `options` with its defaults. @throws TypeError if `baseUrl` is not a URL. */
export function settingsOf(options: KkiClientOptions): KkiSettings {
  return {
    observer: {},
    module: null,
    userAgent: 'healthforce-kki-connector',
    ...defaults,
    ...options,
    baseUrl: new URL(options.baseUrl)
  }
}

/** Returns the URL of a path of the description, below the path of the base URL. */
export function endpoint(baseUrl: URL, path: string): URL {
  return new URL(baseUrl.pathname.replace(/(?<!\/)\/+$/, '') + path, baseUrl.origin)
}
