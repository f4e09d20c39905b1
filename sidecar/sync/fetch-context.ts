import type { FastifyBaseLogger } from 'fastify'
import type { Identity } from '../identity/keys.ts'
import type { Database } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import type { KkiClient } from '../source/types.ts'
import type { Mapping } from '../transform/mapping.ts'
import type { Transform } from '../transform/transform.ts'
import type { SyncMetrics } from './metrics.ts'

export interface FetchOptions {
  pageSize: number
  /** Rows after which the walk continues in another batch. */
  batchRows: number
  maxPages: number
  overlapSeconds: number
  settleSeconds: number
  maxSkewSeconds: number
}

export interface FetchContext {
  database: Database
  queue: JobQueue
  kki: KkiClient
  identity: Identity
  mapping: Mapping
  transform: Transform
  metrics: SyncMetrics
  logger: FastifyBaseLogger
  options: FetchOptions
}
