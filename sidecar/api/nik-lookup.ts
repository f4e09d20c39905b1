import type { FastifyInstance, FastifyReply } from 'fastify'
import type pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import { Problem } from '../platform/problem.ts'

/**
 * The result of a lookup. `found`, `missed`: results of a search. `free`, `taken`: a corrected NIK is unused, or belongs to
 * another person. `limited`: no lookup was made, because the limit is reached.
 */
export const lookupResults = ['found', 'missed', 'free', 'taken', 'limited'] as const
export type LookupResult = Exclude<(typeof lookupResults)[number], 'limited'>

export interface NikLookup {
  reason: string
  /** The person whose NIK is corrected; excluded from the search. */
  healthWorkerId?: number
}

/** Looks a NIK up, within the transaction of its audit event. */
type Work<T> = (client: pg.ClientBase) => Promise<{ result: LookupResult; foundIds: number[]; value: T }>

/** @throws Problem `RATE_LIMITED`, with `Retry-After` on the reply */
export type LookUpNik = <T>(caller: Caller, reply: FastifyReply, lookup: NikLookup, work: Work<T>) => Promise<T>

const action = 'nik.looked_up'

/**
 * Returns a function that looks up whether a person with a given NIK exists, for one caller.
 *
 * Without a limit, a caller could guess a NIK: if birth date, sex and region are known, only a few digits are left. So each
 * lookup is audited before its answer is sent, and a key may make `perHour` of them. The count comes from the audit, so all
 * processes share it. Lookups of one key wait for each other, so that concurrent ones cannot exceed the limit.
 */
export function createNikLookup(app: Pick<FastifyInstance, 'database' | 'metrics'>, perHour: number): LookUpNik {
  const counter = new app.metrics.client.Counter({
    name: 'sdmk_nik_lookups_total',
    help: 'Lookups of an identity number that a caller sent, by result',
    labelNames: ['result']
  })
  for (const result of lookupResults) counter.inc({ result }, 0)

  return async (caller, reply, { reason, healthWorkerId }, work) => {
    const outcome = await app.database.withTransaction(async client => {
      const waitSeconds = await secondsUntilAllowed(client, caller.apiKeyId, perHour)
      if (waitSeconds > 0) return { waitSeconds }
      const { result, foundIds, value } = await work(client)
      const detail = { reason, result, ...(healthWorkerId && { healthWorkerId }), foundIds }
      await recordAudit(client, { ...caller, action, detail })
      return { waitSeconds, result, value }
    })
    counter.inc({ result: outcome.result ?? 'limited' })
    if (outcome.result === undefined) {
      reply.header('retry-after', outcome.waitSeconds)
      throw new Problem('RATE_LIMITED', `This key may look up ${perHour} identity numbers in an hour.`)
    }
    return outcome.value
  }
}

/** Returns the seconds to wait, 0 if the key may look up a NIK now. Holds the key's lock until the transaction ends. */
async function secondsUntilAllowed(client: pg.ClientBase, apiKeyId: number | null, perHour: number): Promise<number> {
  await client.query(`select pg_advisory_xact_lock(hashtextextended('sdmk nik lookup', $1))`, [apiKeyId ?? 0])
  // Another lookup is allowed when this one is older than an hour.
  const { rows } = await client.query<{ wait: number }>(
    `select ceil(extract(epoch from at + interval '1 hour' - clock_timestamp()))::int as wait
    from kki.audit_event
    where action = $1 and api_key_id = $2 and at > now() - interval '1 hour'
    order by at desc offset $3 limit 1`,
    [action, apiKeyId, perHour - 1]
  )
  return rows[0] ? Math.max(1, rows[0].wait) : 0
}
