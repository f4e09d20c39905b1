import type pg from 'pg'
import type { transports } from '../../sidecar/odoo/create-transport.ts'
import type { PeopleJob } from '../../sidecar/odoo/jobs.ts'
import { createOdooLink } from '../../sidecar/odoo/link.ts'
import { jobsAtATime, relayPeople } from '../../sidecar/odoo/relay.ts'
import { createLogger } from '../../sidecar/platform/logger.ts'
import type { Job } from '../../sidecar/platform/queue.ts'
import { database, type Target } from './target.ts'

const limitMs = 600_000
const logger = createLogger('warn')

export type TransportName = keyof typeof transports

export interface Measured {
  /** People and registrations that were sent. */
  records: number
  seconds: number
  bytes: number
  calls: number
  /** Mean time of a call, for the sidecar. */
  callMs: number
  /** Mean time to read and serialise the rows of a call. */
  buildMs: number
  /** Processor time of this process: the sidecar's part without its PostgreSQL. */
  cpuUsPerRecord: number
}

/** Delivers the jobs to Odoo with the sidecar's own relay, payloads, link and transport. */
export async function project(
  pool: pg.Pool,
  target: Target,
  transport: TransportName,
  data: PeopleJob[]
): Promise<Measured> {
  const odoo = { baseUrl: target.url, database, transport, timeoutMs: 120_000, retryMaxSeconds: 60 }
  const secrets = { read: async () => ({ ...target.service }), write: async () => undefined }
  const link = createOdooLink({ odoo, secrets, logger, onCall: () => undefined })
  const told = { records: 0, bytes: 0, calls: 0, inCalls: 0 }
  const counting: typeof link = {
    ...link,
    breakerState: 0,
    async deliver(payload, delivery) {
      const started = performance.now()
      const answer = await link.deliver(payload, delivery)
      told.inCalls += performance.now() - started
      told.records += payload.rows
      told.bytes += Buffer.byteLength(payload.payload)
      told.calls++
      return answer
    }
  }
  try {
    const signal = AbortSignal.timeout(limitMs)
    const context = { pool, link: counting, logger, timeZone: 'Asia/Jakarta', resend: async () => undefined }
    const jobs: Job<PeopleJob>[] = data.map((job, index) => ({ id: String(index), data: job, retryCount: 0, signal }))
    const cpu = process.cpuUsage()
    const started = performance.now()
    for (let first = 0; first < jobs.length; first += jobsAtATime.people) {
      const outcomes = await relayPeople(context, jobs.slice(first, first + jobsAtATime.people), signal)
      if (outcomes.some(({ isDone }) => !isDone)) throw new Error('Odoo does not accept the rows')
    }
    const seconds = (performance.now() - started) / 1000
    const { user, system } = process.cpuUsage(cpu)
    return {
      records: told.records,
      seconds,
      bytes: told.bytes,
      calls: told.calls,
      callMs: told.inCalls / told.calls,
      // Two calls run at a time.
      buildMs: (seconds * 2000 - told.inCalls) / told.calls,
      cpuUsPerRecord: (user + system) / told.records
    }
  } finally {
    await link.close()
  }
}
