import { type TSchema, Type } from 'typebox'
import { batchKinds, batchStates, perCounter } from '../batch-terms.ts'
import { registrationStatuses } from '../registration-terms.ts'

/**
 * The payloads that Odoo receives, one JSON text per call. A property without a value is left out; in a table it is null.
 * `npm run generate` writes them to contracts/odoo/.
 */

const text = (maxLength = 4000) => Type.String({ minLength: 1, maxLength })
const closed = { additionalProperties: false } as const
/** The largest int4, which is the type of Odoo's ids. */
const Id = Type.Integer({ minimum: 1, maximum: 2_147_483_647 })
const Count = Type.Integer({ minimum: 0, maximum: 2_147_483_647 })
const Version = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'rises with each change; a row that is not newer than the stored one changes nothing'
})
const Day = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })
const Moment = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2} \\d{2}:\\d{2}:\\d{2}$', description: 'in UTC' })
const TraceId = Type.String({ pattern: '^[0-9a-f]{32}$' })
const Source = Type.Enum(['kki', 'sdmk'], { description: 'owner of the value' })
const Both = Type.Object({ en_US: text(), id_ID: text() }, closed)
const o = <T extends TSchema>(schema: T) => Type.Optional(schema)

const tableOf = (row: TSchema, columns: object) =>
  Type.Object(
    {
      columns: Type.Array(Type.Enum(Object.keys(columns)), {
        minItems: 2,
        uniqueItems: true,
        description: 'in the order of the values; id and version are always among them'
      }),
      rows: Type.String({
        pattern: '^$|\\n$',
        contentMediaType: 'text/tab-separated-values',
        contentSchema: row,
        description:
          'one line for each row, as PostgreSQL’s COPY writes text: tabs between values, \\N for none, t and f; each row is as contentSchema says'
      })
    },
    closed
  )

const repairOf = (...keys: string[]) =>
  o(
    Type.Object(
      Object.fromEntries(
        keys.map(key => [key, o(Type.Array(Type.Integer({ minimum: 0 }), { minItems: 2, maxItems: 2 }))])
      ),
      {
        ...closed,
        minProperties: 1,
        maxProperties: 1,
        description:
          'first and last id of a range that the rows contain completely: they replace Odoo’s rows regardless of their versions, and Odoo deletes other rows of the range'
      }
    )
  )

/** The same for kinds with few records: the rows are all of them. */
const repair = o(
  Type.Literal(true, {
    description:
      'the rows are complete: they replace Odoo’s rows regardless of their versions, and Odoo deletes all others'
  })
)

const Gone = Type.Object(
  { id: Id, version: Version, active: Type.Literal(false) },
  { ...closed, title: 'Gone', description: 'no longer in the registry; its id is never used again' }
)

const HealthWorker = Type.Object(
  {
    id: Id,
    version: Version,
    active: Type.Literal(true),
    name: text(),
    title_prefix: o(text()),
    title_suffix: o(text()),
    has_nik: Type.Boolean({ description: 'a NIK is stored; no digit of it is sent' }),
    birth_place: o(text()),
    birth_date: o(Day),
    sex: o(Type.Enum(['male', 'female'])),
    name_source: Source,
    nik_source: o(Source),
    birth_place_source: o(Source),
    birth_date_source: o(Source),
    sex_source: o(Source),
    erased_at: o(Moment)
  },
  { ...closed, title: 'HealthWorker' }
)

const Restricted = Type.Object(
  { id: Id, version: Version, active: Type.Literal(false), restricted_at: Moment, erased_at: o(Moment) },
  { ...closed, title: 'Restricted', description: 'the person’s data is restricted: Odoo shows only this fact' }
)

const Registration = Type.Object(
  {
    id: Id,
    version: Version,
    active: Type.Literal(true),
    health_worker_id: Id,
    str_number: text(24),
    profession: text(64),
    competence: o(text()),
    status: Type.Enum(registrationStatuses),
    source_status: Type.String({ description: 'KKI’s own word' }),
    issued_on: o(Day),
    valid_until: o(Day),
    is_lifetime: Type.Boolean(),
    institution: o(text()),
    graduation_year: o(Type.Integer()),
    province: o(text()),
    source_at: o(Moment),
    match_reason: Type.String({
      description: 'rule of the matching table, then what agreed (+), was similar (~), differed (-)'
    }),
    trace_id: o(TraceId)
  },
  { ...closed, title: 'Registration' }
)

const Batch = Type.Object(
  {
    id: Id,
    version: Version,
    run_id: Id,
    kind: Type.Enum(batchKinds),
    profession: o(text(64)),
    state: Type.Enum(batchStates),
    triggered_by: Type.Enum(['schedule', 'operator', 'api', 'command']),
    actor: text(200),
    apply_mode: Type.Enum(['auto', 'hold']),
    pages: Count,
    fetched_before: Count,
    expected_total: o(Count),
    ...perCounter(() => Count),
    hold_reasons: o(Type.String({ pattern: '^[A-Z_ ]+$', description: 'codes, separated by blanks' })),
    plan_digest: o(text(128)),
    error_code: o(Type.String({ pattern: '^[A-Z_]+$' })),
    trace_id: TraceId,
    refetched_by: o(Id),
    window_since: o(Moment),
    window_until: o(Moment),
    created_at: Moment,
    fetch_started_at: o(Moment),
    fetched_at: o(Moment),
    planned_at: o(Moment),
    finished_at: o(Moment),
    undone_at: o(Moment),
    duration: o(Type.Number({ minimum: 0, description: 'seconds' }))
  },
  { ...closed, title: 'Batch' }
)

const Rejection = Type.Object(
  {
    id: Id,
    version: Version,
    source: Source,
    code: Type.String({ pattern: '^[A-Z_]+$' }),
    state: Type.Enum(['open', 'resolved', 'dismissed', 'cleared']),
    urgent: Type.Boolean(),
    str_number: o(text(200)),
    profession: o(text(64)),
    rule: o(Type.Integer({ minimum: 0 })),
    candidate_count: Count,
    fields_at_fault: o(Type.String({ pattern: '^[^ ]*( [^ ]+)*$', description: 'JSON pointers, separated by blanks' })),
    seen_count: Count,
    first_batch_id: Id,
    last_batch_id: Id,
    closed_by_batch_id: o(Id),
    decided_by: o(text(200)),
    decision_reason: o(text(500)),
    first_seen_at: Moment,
    last_seen_at: Moment,
    decided_at: o(Moment),
    trace_id: TraceId
  },
  { ...closed, title: 'Rejection' }
)

const Integration = Type.Object(
  {
    code: Type.Literal('kki'),
    version: Version,
    active: Type.Boolean(),
    schedule: text(100),
    professions: o(Type.String({ description: 'codes, separated by blanks; if left out, all' })),
    reject_alert_ratio: Type.Number({ exclusiveMinimum: 0, maximum: 1 }),
    create_unmatched: Type.Enum(['create', 'review']),
    changed_by: text(200),
    changed_at: Moment,
    time_zone: text(64)
  },
  { ...closed, title: 'Integration' }
)

const AuditHead = Type.Object(
  {
    seq: Count,
    hash: Type.String({
      pattern: '^[0-9a-f]{64}$',
      description: 'over this event and all before it; 64 zeros: the event no longer exists'
    })
  },
  { ...closed, title: 'AuditHead' }
)

/** The payloads by the names of their files, with the method that takes each. */
export const payloadSchemas = {
  'health-workers': Type.Object(
    {
      repair: repairOf('health_workers'),
      health_workers: tableOf(Type.Union([HealthWorker, Restricted, Gone]), {
        ...HealthWorker.properties,
        ...Restricted.properties
      }),
      registrations: tableOf(Type.Union([Registration, Gone]), Registration.properties)
    },
    {
      ...closed,
      title: 'HealthWorkers',
      description: 'sdmk.health.worker.sync_health_workers: people with all their registrations'
    }
  ),
  batches: Type.Object(
    {
      repair: repairOf('batches', 'rejections'),
      batches: o(tableOf(Batch, Batch.properties)),
      rejections: o(tableOf(Rejection, Rejection.properties))
    },
    {
      ...closed,
      title: 'Batches',
      description: 'sdmk.batch.sync_batches: batches, and rejected rows with the batches that they refer to'
    }
  ),
  integrations: Type.Object(
    { repair, integrations: Type.Array(Integration) },
    { ...closed, title: 'Integrations', description: 'sdmk.integration.sync_integrations' }
  ),
  'audit-heads': Type.Object(
    { audit_heads: Type.Array(AuditHead) },
    { ...closed, title: 'AuditHeads', description: 'sdmk.audit.head.sync_audit_heads' }
  ),
  professions: Type.Object(
    { repair, professions: Type.Array(Type.Object({ code: text(64), name: Both }, closed)) },
    { ...closed, title: 'Professions', description: 'sdmk.profession.sync_professions' }
  ),
  codes: Type.Object(
    {
      repair,
      codes: Type.Array(
        Type.Object(
          {
            code: Type.String({ pattern: '^[A-Z_]+$' }),
            kind: Type.Enum(['rejection', 'warning', 'hold', 'problem']),
            name: Both,
            meaning: Both,
            action: Both
          },
          closed
        )
      )
    },
    { ...closed, title: 'Codes', description: 'sdmk.code.sync_codes' }
  )
} as const

export type PayloadName = keyof typeof payloadSchemas

/** Returns a payload with all columns of its tables, and no row. */
export function emptyTables(name: 'health-workers' | 'batches'): string {
  const { repair: _repair, ...tables } = payloadSchemas[name].properties
  const empty = Object.entries(tables as Record<string, ReturnType<typeof tableOf>>).map(([key, table]) => [
    key,
    { columns: table.properties.columns.items.enum, rows: '' }
  ])
  return JSON.stringify(Object.fromEntries(empty))
}
