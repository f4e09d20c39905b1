import type pg from 'pg'
import type { Database } from '../platform/database.ts'
import { type Caller, recordAudit } from './record.ts'

/** Rows of a block, whose digest becomes an audit event and with it a part of the audit chain. */
interface Block {
  fromId: number
  toId: number
  rows: number
  /** SHA-256 over the rows, hex. */
  digest: string
}

/** Rows that one event seals. */
const mostRows = 50_000

const rowText = `json_build_array(d.id, to_char(d.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), d.channel, d.actor,
  d.role, d.api_key_id, d.reason, d.batch_id, d.request_id, d.answers, d.people::text, d.rejections::text, d.unnamed)::text`

/**
 * Writes the digest of all disclosures since the last time to the audit, in blocks, and returns how many rows they are.
 * Until then, for a few minutes, a changed row is not detected (`docs/explain/privacy.md`).
 */
export async function sealDisclosures({ withTransaction }: Pick<Database, 'withTransaction'>, caller: Caller) {
  const committed = await withTransaction(async client => {
    // Under an exclusive lock every row with a smaller id is committed, and none can appear later.
    await client.query(`select pg_advisory_xact_lock(hashtextextended('sdmk disclosures', 0))`)
    const { rows } = await client.query<{ id: number | null }>('select max(id) as id from kki.disclosure')
    return rows[0]?.id ?? 0
  })
  let sealed = 0
  for (;;) {
    const block = await withTransaction(async client => {
      const after = await readLastSealed(client)
      const made = await digestBlock(client, after, committed, mostRows)
      if (made) await recordAudit(client, { ...caller, action: 'disclosures.sealed', detail: { ...made } })
      return made
    })
    if (!block) return sealed
    sealed += block.rows
  }
}

async function readLastSealed(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ toId: number }>(
    `select (detail ->> 'toId')::bigint as "toId" from kki.audit_event
    where action = 'disclosures.sealed'
    order by id desc limit 1`
  )
  return rows[0]?.toId ?? 0
}

async function digestBlock(client: pg.ClientBase, after: number, upTo: number, limit: number): Promise<Block | null> {
  const { rows } = await client.query<{ fromId: number | null; toId: number; rows: number; digest: string }>(
    `select min(id) as "fromId", max(id) as "toId", count(*) as rows,
      encode(sha256(convert_to(coalesce(string_agg(line, E'\\n' order by id), ''), 'UTF8')), 'hex') as digest
    from (
      select d.id, ${rowText} as line from kki.disclosure d
      where d.id > $1 and d.id <= $2 order by d.id limit $3
    ) block`,
    [after, upTo, limit]
  )
  const { fromId = null, ...block } = rows[0] ?? {}
  return fromId === null ? null : ({ fromId, ...block } as Block)
}

/** The result of comparing the disclosures with their sealed digests. */
export interface Proof {
  /** Blocks that were compared. */
  blocks: number
  /** Blocks whose rows were changed after they were sealed. */
  differing: { fromId: number; toId: number }[]
  /** Rows that are not sealed yet. */
  unsealed: number
  /** The moment before which rows were deleted as past their retention; null if none were. */
  keptSince: string | null
}

/** Compares all stored disclosures with the digests in the audit. */
export async function proveDisclosures(client: pg.ClientBase): Promise<Proof> {
  const { rows: events } = await client.query<{
    action: string
    fromId: number
    toId: number
    digest: string
    keptSince: string | null
  }>(
    `select action, (detail ->> 'fromId')::bigint as "fromId", (detail ->> 'toId')::bigint as "toId",
      detail ->> 'digest' as digest, detail ->> 'keptSince' as "keptSince"
    from kki.audit_event where action in ('disclosures.sealed', 'disclosures.purged') order by id`
  )
  const purges = events.filter(({ action }) => action === 'disclosures.purged')
  const purged = Math.max(0, ...purges.map(({ toId }) => toId))
  const blocks = events.filter(({ action, toId }) => action === 'disclosures.sealed' && toId > purged)
  const differing: Proof['differing'] = []
  // Blocks adjoin: a row that was inserted between two of them counts with the later block.
  let after = purged
  for (const { fromId, toId, digest } of blocks) {
    const now = await digestBlock(client, after, toId, mostRows + 1)
    if (now?.digest !== digest) differing.push({ fromId, toId })
    after = toId
  }
  const { rows } = await client.query<{ count: number }>('select count(*) from kki.disclosure where id > $1', [after])
  return {
    blocks: blocks.length,
    differing,
    unsealed: rows[0]?.count ?? 0,
    keptSince: purges.at(-1)?.keptSince ?? null
  }
}

/** Deletes disclosures past their retention, in whole blocks, and returns how many. The deletion is audited. */
export async function purgeDisclosures(
  { withTransaction }: Pick<Database, 'withTransaction'>,
  caller: Caller,
  retentionDays: number
): Promise<number> {
  return withTransaction(async client => {
    const { rows: last } = await client.query<{ toId: number | null; keptSince: string }>(
      `select max((detail ->> 'toId')::bigint) as "toId",
        to_char((now() - make_interval(days => $1)) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as "keptSince"
      from kki.audit_event
      where action = 'disclosures.sealed' and at < now() - make_interval(days => $1)`,
      [retentionDays]
    )
    const { toId = null, keptSince } = last[0] ?? {}
    if (toId === null) return 0
    const { rows } = await client.query<{ gone: number }>('select kki.forget_disclosures($1) as gone', [toId])
    const gone = rows[0]?.gone ?? 0
    if (gone > 0) {
      const detail = { rows: gone, toId, keptSince, retentionDays }
      await recordAudit(client, { ...caller, action: 'disclosures.purged', detail })
    }
    return gone
  })
}
