import type { Readable } from 'node:stream'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { ApiKeyNotFound } from '../platform/api-key.ts'
import { type DataKind, kindsOf } from './disclosure-channels.ts'
import { type Proof, proveDisclosures } from './seal-disclosures.ts'

/** Selects the disclosures; the window ends before `until`. */
export interface BreachQuery {
  /** Name of an API key, in use or revoked. */
  key?: string | undefined
  /** An operator's login or another actor. */
  actor?: string | undefined
  since: Date
  until: Date
}

/** The data that a key or an actor was shown within a window. */
export interface BreachScope {
  keys: { id: number; name: string; scopes: string[]; revokedAt: string | null }[]
  actor: string | null
  since: string
  until: string
  people: number
  /** Rejected rows, which may concern further people. */
  rejections: number
  /** How often people without an id were shown, from a plan that would create them. */
  unnamed: number
  kinds: DataKind[]
  firstAt: string | null
  lastAt: string | null
  channels: Channel[]
  /** Other audited actions within the window, by name. */
  actions: { action: string; count: number }[]
  proof: Proof
}

interface Channel {
  channel: string
  actor: string
  answers: number
  people: number
  rejections: number
  firstAt: string
  lastAt: string
  kinds: DataKind[]
}

/**
 * Returns the data that was shown within a window, from one snapshot: that of the caller's transaction.
 * @throws ApiKeyNotFound
 */
export async function readBreachScope(client: pg.ClientBase, query: BreachQuery): Promise<BreachScope> {
  const { key, actor, since, until } = query
  const { rows: keys } = await client.query<BreachScope['keys'][0]>(
    `select id, name, scopes, ${iso('revoked_at')} as "revokedAt" from kki.api_key where name = $1 order by id`,
    [key ?? null]
  )
  if (key !== undefined && keys.length === 0) {
    throw new ApiKeyNotFound('No API key has or had this name; `sdmk keys list` shows the valid keys')
  }
  const values = [key === undefined ? null : keys.map(({ id }) => id), actor ?? null, since, until]
  const { rows: channels } = await client.query<Omit<Channel, 'kinds'>>(
    `select channel, actor, sum(answers)::int as answers, ${size('people')} as people, ${size('rejections')} as rejections,
      ${iso('min(at)')} as "firstAt", ${iso('max(at)')} as "lastAt"
    from kki.disclosure d where ${within} group by channel, actor order by channel, actor`,
    values
  )
  const { rows: total } = await client.query<
    Pick<BreachScope, 'people' | 'rejections' | 'unnamed' | 'firstAt' | 'lastAt'>
  >(
    `select ${size('people')} as people, ${size('rejections')} as rejections, coalesce(sum(unnamed), 0)::int as unnamed,
      ${iso('min(at)')} as "firstAt", ${iso('max(at)')} as "lastAt"
    from kki.disclosure d where ${within}`,
    values
  )
  const { rows: actions } = await client.query<BreachScope['actions'][0]>(
    `select action, count(*) from kki.audit_event d where ${within} group by action order by action`,
    values
  )
  const told = channels.map(channel => ({ ...channel, kinds: [...kindsOf(channel.channel)] }))
  return {
    keys,
    actor: actor ?? null,
    since: since.toISOString(),
    until: until.toISOString(),
    ...(total[0] as (typeof total)[0]),
    kinds: [...new Set(told.flatMap(({ kinds }) => kinds))],
    channels: told,
    actions,
    proof: await proveDisclosures(client)
  }
}

/**
 * Returns all people and rejections of a breach as CSV with a header: kind, id, first and last time; people come first.
 */
export function readAffected(client: pg.ClientBase, { keys, actor, since, until }: BreachScope): Readable {
  // COPY takes no parameters.
  const values = [
    keys.length === 0 ? 'null' : `'{${keys.map(({ id }) => id).join()}}'`,
    actor === null ? 'null' : pg.escapeLiteral(actor),
    pg.escapeLiteral(since),
    pg.escapeLiteral(until)
  ]
  const where = whereOf(values)
  const part = (kind: string, column: string) =>
    `select '${kind}' as kind, id, ${iso('min(at)')} as first_at, ${iso('max(at)')} as last_at
    from (
      select d.at, generate_series(lower(r), upper(r) - 1) as id
      from kki.disclosure d, unnest(d.${column}) r where ${where}
    ) shown group by id`
  return client.query(
    copyTo(
      `copy (
        ${part('health_worker', 'people')} union all ${part('rejection', 'rejections')} order by kind, id
      ) to stdout (format csv, header)`
    )
  )
}

const iso = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`

/** Counts the ids in all rows; an id that appears in several rows counts once. */
const size = (column: string) =>
  `(select coalesce(sum(upper(r) - lower(r)), 0)::bigint from unnest(range_agg(d.${column})) r)`

const within = whereOf(['$1', '$2', '$3', '$4'])

function whereOf([keys, actor, since, until]: string[]): string {
  return `(${keys}::bigint[] is null or d.api_key_id = any (${keys}::bigint[]))
    and (${actor}::text is null or d.actor = ${actor}) and d.at >= ${since}::timestamptz and d.at < ${until}::timestamptz`
}
