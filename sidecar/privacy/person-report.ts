import type pg from 'pg'
import type { Language } from '../platform/problem-texts.ts'
import { type HealthWorker, readHealthWorker } from '../registry/health-workers.ts'
import type { Subject } from './person-report-find.ts'

/** All stored data about one person, which the law (UU 27/2022) entitles them to see. It contains no NIK. */
export interface PersonReport {
  at: string
  /** Null if no person has this NIK or STR, or the person was deleted. */
  person: (HealthWorker & { storedSince: string; restrictedSince: string | null; erasedAt: string | null }) | null
  /** The number of the person, even if deleted. */
  healthWorkerId: number | null
  /** The names of the professions of the registrations, by their codes. */
  professions: Record<string, Record<Language, string>>
  /** People who had this NIK in the registry before. */
  formerOf: { healthWorkerId: number; until: string }[]
  /** The times at which other NIKs of this person were replaced. */
  formerNiks: { until: string }[]
  /** Stored changes, oldest first. */
  changes: Change[]
  /** Rejected rows of KKI with this NIK. */
  rejectedRows: RejectedRow[]
  /** Decisions that rows belong to this person. */
  decisions: { strNumber: string; by: string; at: string; withdrawnAt: string | null }[]
  /** Who was shown the NIK, and why. */
  nikShownTo: Access[]
  /** Who changed values by hand. */
  editedBy: Access[]
  /** Decisions to restrict the data, to lift the restriction, or to erase it. */
  privacyDecisions: (Access & { action: string })[]
  /** Recorded disclosures: the recipients of the person's data. */
  shownTo: Recipient[]
  /** The time of the first recorded disclosure; null if there is none yet. */
  recordedSince: string | null
  /** Requests to KKI about an STR of this person, with the time of the answer. */
  askedOfKki: { strNumber: string; at: string }[]
}

/** A recipient of the data, with channel and reason. */
export interface Recipient {
  channel: string
  by: string
  role: string | null
  key: string | null
  reason: string | null
  times: number
  firstAt: string
  lastAt: string
}

interface Change {
  operation: string
  fields: string[]
  strNumber: string | null
  /** Null for an edit by hand; `editedBy` lists those. */
  batch: { id: number; kind: string; at: string; traceId: string } | null
}

interface RejectedRow {
  id: number
  code: string
  state: string
  strNumber: string | null
  firstSeenAt: string
  lastSeenAt: string
  /** True if KKI's original row is still stored, sealed. */
  isRowKept: boolean
}

export interface Access {
  at: string
  by: string
  /** Name of the API key that was used; the key's owner answers for `by`. Null on the command line. */
  key: string | null
  reason: string | null
}

/** Returns all stored data about a subject, from one snapshot: that of the caller's transaction. */
export async function reportPerson(
  client: pg.ClientBase,
  { healthWorkerId: id, nikDigest: digest, strNumber }: Subject
): Promise<PersonReport> {
  const list = async <T extends pg.QueryResultRow>(text: string, values: unknown[]) =>
    (await client.query<T>(text, values)).rows
  const [stored] = await list<{ storedSince: string; restrictedSince: string | null; erasedAt: string | null }>(
    `select ${iso('created_at')} as "storedSince", ${iso('restricted_at')} as "restrictedSince",
      ${iso('erased_at')} as "erasedAt" from sdmk.health_worker where id = $1`,
    [id]
  )
  const person = id === null ? null : await readHealthWorker(client, id, { withRestricted: true })
  const professions = await list<{ code: string } & Record<Language, string>>(
    'select code, name_en as en, name_id as id from sdmk.profession where code = any ($1)',
    [(person?.registrations ?? []).map(({ profession }) => profession)]
  )
  const strNumbers = [...new Set([strNumber, ...(person?.registrations ?? []).map(r => r.strNumber)])].filter(Boolean)
  const rejectedRows = await list<RejectedRow>(
    `select r.id, r.code, r.state, r.str_number as "strNumber", ${iso('r.first_seen_at')} as "firstSeenAt",
        ${iso('r.last_seen_at')} as "lastSeenAt", bool_or(o.raw_sealed is not null) as "isRowKept"
      from kki.rejection r join kki.rejection_occurrence o on o.rejection_id = r.id
      where o.nik_digest = $1 or (o.nik_digest is null and r.str_number = any ($2)) group by r.id order by r.id`,
    [digest, strNumbers]
  )
  const asked = [...new Set([...strNumbers, ...rejectedRows.flatMap(row => row.strNumber ?? [])])]
  return {
    at: new Date().toISOString(),
    person: person && stored ? { ...person, ...stored } : null,
    healthWorkerId: id,
    professions: Object.fromEntries(professions.map(({ code, en, id: indonesian }) => [code, { en, id: indonesian }])),
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
    rejectedRows,
    decisions: await list(
      `select str_number as "strNumber", decided_by as by, ${iso('decided_at')} as at, ${iso('withdrawn_at')} as "withdrawnAt"
      from kki.decision where nik_digest = $1 or health_worker_id = $2 order by id`,
      [digest, id]
    ),
    nikShownTo: await list(eventsOf(`e.action = 'health_worker.nik_revealed'`), [id]),
    editedBy: await list(eventsOf(`e.action = 'health_worker.edited'`), [id]),
    privacyDecisions: await list(
      eventsOf(`e.action in ('person.restricted', 'person.restriction_lifted', 'person.erased')`),
      [id]
    ),
    shownTo: await list(
      `select d.channel, d.actor as by, d.role, k.name as key, d.reason, sum(d.answers)::int as times,
        ${iso('min(d.at)')} as "firstAt", ${iso('max(d.at)')} as "lastAt"
      from kki.disclosure d left join kki.api_key k on k.id = d.api_key_id
      where d.people @> $1::bigint
      group by d.channel, d.actor, d.role, k.name, d.reason order by min(d.at), d.channel`,
      [id]
    ),
    recordedSince:
      (await list<{ since: string | null }>(`select ${iso('min(at)')} as since from kki.disclosure`, []))[0]?.since ??
      null,
    askedOfKki: await list(
      `select i.str_number as "strNumber", ${iso('i.answered_at')} as at from kki.retry_item i
      where i.str_number = any ($1) and i.answered_at is not null order by i.answered_at`,
      [asked]
    )
  }
}

const iso = (column: string) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`

const eventsOf = (condition: string) => `select ${iso('e.at')} as at, e.action, e.actor as by, k.name as key,
    e.detail ->> 'reason' as reason
  from kki.audit_event e left join kki.api_key k on k.id = e.api_key_id
  where ${condition} and (e.detail ->> 'healthWorkerId')::bigint = $1 order by e.id`
