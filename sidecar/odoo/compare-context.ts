import type { FastifyBaseLogger } from 'fastify'
import type { Database } from '../platform/database.ts'
import type { JobQueue } from '../platform/queue.ts'
import type { OdooLink } from './link.ts'

export interface CompareContext {
  database: Database
  queue: Pick<JobQueue, 'sendMany'>
  link: OdooLink
  logger: FastifyBaseLogger
  timeZone: string
}
