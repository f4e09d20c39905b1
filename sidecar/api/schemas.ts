import { type Static, Type } from 'typebox'
import { batchKinds, batchStates, perCounter, restingStates } from '../batch-terms.ts'
import { parseInstant } from '../platform/instant.ts'
import { unprintableInContracts } from '../platform/printable-text.ts'
import { ProblemSchema } from '../platform/problem.ts'
import { holdReasons } from '../sync/batch.ts'

/** Every route may answer with a problem; fastify-swagger lists both ranges. */
const problem = { description: 'A problem', content: { 'application/problem+json': { schema: ProblemSchema } } }
export const problems = { '4xx': problem, '5xx': problem }

export const Id = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
export const Instant = Type.String({ format: 'date-time' })

/** Returns the time of a validated `Instant`, or `undefined` if the request has none. */
export function toDate(instant: string | undefined): Date | undefined {
  if (instant === undefined) return undefined
  const at = parseInstant(instant)
  if (at === null) throw new TypeError('a time that passed validation cannot be read')
  return at
}
export const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])

/**
 * The reason of a decision: one printable line, since reports show it to others. The audit keeps it, so it must not
 * contain numbers of a person: eight digits in a row may be part of an STR. Every request is searched for identity numbers,
 * and blanks and line ends at both ends are removed (`platform/storable-text.ts`).
 */
export const Reason = Type.String({
  minLength: 1,
  maxLength: 500,
  // Without Unicode properties, because not every reader of the OpenAPI document supports them.
  pattern: `^(?![\\s\\S]*\\d{8})(?=[\\s\\S]*\\S)[\\t\\r\\n]*(?:[^${unprintableInContracts}]+[\\t\\r\\n]*)?$`,
  description: 'one line; kept in the audit; without names, NIK or STR'
})

export const IdParams = Type.Object({ id: Id })

/** For requests: an unknown property is an error, because ignoring a misspelt filter would list everything. */
export const closed = { additionalProperties: false }

/** `after` is the `next` of the page before. */
export const PageQuery = Type.Object(
  {
    after: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, default: 0 }),
    limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 })
  },
  closed
)

export const pageOf = <T extends Parameters<typeof Type.Union>[0][number]>(item: T) =>
  Type.Object({
    items: Type.Array(item),
    next: Type.Union([Id, Type.Null()], { description: 'pass as `after`; null on the last page' })
  })

const Count = Type.Integer({ minimum: 0 })

export const LedgerSchema = Type.Object(perCounter(() => Count))

export const BatchSchema = Type.Object(
  {
    id: Id,
    runId: Id,
    kind: Type.Enum(batchKinds),
    profession: Type.Union([Type.String(), Type.Null()], {
      description: 'the profession that KKI was asked for; null is all'
    }),
    state: Type.Enum(batchStates),
    windowSince: nullable(Instant),
    windowUntil: nullable(Instant),
    pages: Count,
    ledger: LedgerSchema,
    asOf: Type.Union([Type.String({ format: 'date' }), Type.Null()], {
      description: 'registrations that end before this day are expired'
    }),
    planDigest: Type.Union([Type.String(), Type.Null()], {
      description: 'identifies the plan; an approval must name it'
    }),
    holdReasons: Type.Union([Type.Array(Type.Enum(holdReasons)), Type.Null()], {
      description: 'why it is, or was, on hold'
    }),
    error: Type.Union([Type.Object({ code: Type.String(), detail: Type.String() }), Type.Null()]),
    traceId: Type.String({ pattern: '^[0-9a-f]{32}$' }),
    createdAt: Instant,
    fetchStartedAt: nullable(Instant),
    fetchedAt: nullable(Instant),
    plannedAt: nullable(Instant),
    finishedAt: nullable(Instant),
    undoneAt: nullable(Instant),
    refetchedBy: Type.Union([Id, Type.Null()], {
      description: 'only for an undone batch: the run that fetched its window again'
    })
  },
  { title: 'Batch' }
)
export type BatchBody = Static<typeof BatchSchema>

export const RunSchema = Type.Object(
  {
    id: Id,
    triggeredBy: Type.Enum(['schedule', 'operator', 'api', 'command']),
    mode: Type.Enum(batchKinds),
    apply: Type.Enum(['auto', 'hold']),
    professions: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: 'the professions that it reads; null is all'
    }),
    changedSince: nullable(Instant),
    changedUntil: nullable(Instant),
    windowSince: nullable(Instant),
    windowUntil: nullable(Instant),
    expectedTotal: Type.Union([Count, Type.Null()], { description: 'number of rows that KKI reports' }),
    slot: nullable(Instant),
    skippedReason: nullable(Type.String()),
    actor: Type.String(),
    requestId: Type.String(),
    traceId: Type.String(),
    createdAt: Instant,
    finishedAt: nullable(Instant),
    state: Type.Enum(['skipped', 'running', ...restingStates]),
    batches: Type.Array(BatchSchema)
  },
  { title: 'Run' }
)
export type RunBody = Static<typeof RunSchema>
