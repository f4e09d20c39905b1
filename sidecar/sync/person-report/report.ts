import type pg from 'pg'
import { readIdentity } from '../../registry/digest-key.ts'
import { type HealthWorker, readHealthWorker } from '../../registry/health-workers.ts'
import type { IdentityKeys } from '../../registry/identity.ts'
import { nikOf, openNik } from '../../registry/seal-place.ts'

/** What there is about one person: the answer that the law (UU 27/2022) gives them a right to. No NIK is in it. */
export interface PersonReport {
  at: string
  /** Null where the registry has nobody of this NIK. */
  person: (HealthWorker & { storedSince: string }) | null
  /** People who once had this NIK here, and no longer have it. */
  formerOf: { healthWorkerId: number; until: string }[]
  /** Until when this person had other NIKs here. */
  formerNiks: { until: string }[]
  /** What was written about them, oldest first. */
  changes: Change[]
  /** Rows of KKI with this NIK that were refused. */
  refusedRows: RefusedRow[]
  /** Who said that rows belong to this person. */
  decisions: { strNumber: string; by: string; at: string; withdrawnAt: string | null }[]
  /** Who was shown the NIK, and why. */
  nikShownTo: Access[]
  /** Who changed values by hand. */
  editedBy: Access[]
  /** To whom all of this goes. */
  sentTo: ('odoo' | 'kki')[]
}

interface Change {
  operation: string
  fields: string[]
  strNumber: string | null
  /** Null for what was changed by hand; `editedBy` tells of that. */
  batch: { id: number; kind: string; at: string; traceId: string } | null
}

interface RefusedRow {
  id: number
  code: string
  state: string
  strNumber: string | null
  firstSeenAt: string
  lastSeenAt: string
  /** The row as KKI sent it is still kept, sealed. */
  isRowKept: boolean
}

export interface Access {
  at: string
  by: string
  /** Name of the API key that was used; the key's owner answers for `by`. Null on the command line. */
  key: string | null
  reason: string | null
}

/** Returns what is stored about the person of this NIK, all of one moment: that of the caller's transaction. @throws DigestKeyUnknown, SealBroken, SealUnfit */
export async function reportPerson(
  client: pg.ClientBase,
  keys: IdentityKeys,
  nik: string,
  { hasOdoo }: { hasOdoo: boolean }
): Promise<PersonReport> {
  const identity = await readIdentity(client, keys)
  const digest = identity.digestNik(nik)
  const { rows: found } = await client.query<{ id: number; sealed: Buffer; storedSince: string }>(
    `select id, nik_sealed as sealed, ${iso('created_at')} as "storedSince" from sdmk.health_worker where nik_digest = $1`,
    [digest]
  )
  const id = found[0]?.id ?? null
  // Else a digest that was moved would tell one person what is stored about another.
  if (found[0]) openNik(identity, nikOf(found[0].id), { sealed: found[0].sealed, digest })
  const person = id === null ? null : await readHealthWorker(client, id)
  const list = async <T extends pg.QueryResultRow>(text: string, values: unknown[]) =>
    (await client.query<T>(text, values)).rows
  return {
    at: new Date().toISOString(),
    person: person && found[0] ? { ...person, storedSince: found[0].storedSince } : null,
    formerOf: await list(
      `select health_worker_id as "healthWorkerId", ${iso('replaced_at')} as until from sdmk.former_nik
      where nik_digest = $1 order by replaced_at`,
      [digest]
    ),
    formerNiks: await list(
      `select ${iso('replaced_at')} as until from sdmk.former_nik
      where health_worker_id = $1 order by replaced_at`,
      [id]
    ),
    changes: await list<Change>(
      `select c.operation, r.str_number as "strNumber",
        array(select k from jsonb_object_keys(coalesce(c.health_worker_before, '{}')) k
          where k !~ '_(at|key|digest|sealed)$' union
          select 'nik' where c.health_worker_before ? 'nik_digest' union
          select k from jsonb_object_keys(coalesce(c.registration_before, '{}')) k
          where k !~ '(_key|_hash|_id|^replaced_by)$' order by 1) as fields,
        case when b.id is not null then jsonb_build_object('id', b.id, 'kind', b.kind, 'traceId', b.trace_id,
          'at', ${iso('coalesce(b.finished_at, b.created_at)')}) end as batch
      from kki.change c
        left join kki.batch b on b.id = c.batch_id
        left join sdmk.registration r on r.id = c.registration_id
      where c.health_worker_id = $1 order by c.id`,
      [id]
    ),
    refusedRows: await list<RefusedRow>(
      `select r.id, r.code, r.state, r.str_number as "strNumber", ${iso('r.first_seen_at')} as "firstSeenAt",
        ${iso('r.last_seen_at')} as "lastSeenAt", bool_or(o.raw_sealed is not null) as "isRowKept"
      from kki.rejection r join kki.rejection_occurrence o on o.rejection_id = r.id
      where o.nik_digest = $1 group by r.id order by r.id`,
      [digest]
    ),
    decisions: await list(
      `select str_number as "strNumber", decided_by as by, ${iso('decided_at')} as at, ${iso('withdrawn_at')} as "withdrawnAt"
      from kki.decision where nik_digest = $1 or health_worker_id = $2 order by id`,
      [digest, id]
    ),
    nikShownTo: await list(events, ['health_worker.nik_revealed', id]),
    editedBy: await list(events, ['health_worker.edited', id]),
    sentTo: [...(hasOdoo && id !== null ? (['odoo'] as const) : []), ...(await wasAskedOfKki(client, digest))]
  }
}

const iso = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`

const events = `select ${iso('e.at')} as at, e.actor as by, k.name as key, e.detail ->> 'reason' as reason
  from kki.audit_event e left join kki.api_key k on k.id = e.api_key_id
  where e.action = $1 and (e.detail ->> 'healthWorkerId')::bigint = $2 order by e.id`

/** KKI was asked again for an STR of a refused row: it learned that the ministry looked for it. */
async function wasAskedOfKki(client: pg.ClientBase, digest: Buffer): Promise<'kki'[]> {
  const { rows } = await client.query(
    `select from kki.audit_event e join kki.rejection_occurrence o on e.detail -> 'rejectionIds' @> to_jsonb(o.rejection_id)
    where e.action = 'rejection.retried' and o.nik_digest = $1 limit 1`,
    [digest]
  )
  return rows.length > 0 ? ['kki'] : []
}
