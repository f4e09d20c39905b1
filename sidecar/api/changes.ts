import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type pg from 'pg'
import { type Static, Type } from 'typebox'
import type { Shown } from '../audit/disclosures.ts'
import { type BatchState, isOpen, statesWithOutcomes } from '../batch-terms.ts'
import { RequestInvalid } from '../errors.ts'
import { StandbyBehind } from '../platform/read-database.ts'
import { inTransaction } from '../platform/transaction.ts'
import { type PlanCounts, readPlanCounts, readRejectedCodes } from '../registry/change-counts.ts'
import {
  type Change,
  type ChangeFilter,
  changeEffects,
  countStampOnly,
  isSearchable,
  outcomes,
  type PageRequest,
  readPlannedChanges,
  readRecordedChanges
} from '../registry/changes.ts'
import { type Batch, holdReasons, ledgerOf, readBatch } from '../sync/batch.ts'
import { type BatchHistory, keptOf, readBatchHistory } from '../sync/batch-history.ts'
import { BatchNotFound, BatchStateConflict } from '../sync/errors.ts'
import { previewUndo } from '../sync/undo-batch.ts'
import { deny } from './deny.ts'
import {
  BatchSchema,
  closed,
  Id,
  IdParams,
  Instant,
  LedgerSchema,
  nullable,
  PageQuery,
  pageOf,
  problems
} from './schemas.ts'

const Count = Type.Integer({ minimum: 0 })
const Left = Type.Array(Type.Object({ id: Id, fields: Type.Array(Type.String()) }), {
  description: 'records that stay; without fields, the whole record stays'
})

export const ChangeSchema = Type.Object(
  {
    id: Id,
    outcome: Type.String(),
    match: nullable(
      Type.Object({
        rule: Type.Integer(),
        agreed: Type.Array(Type.String()),
        similar: Type.Array(Type.String()),
        differed: Type.Array(Type.String())
      })
    ),
    codes: Type.Array(Type.String(), { description: 'why the row is rejected' }),
    strNumber: nullable(Type.String()),
    profession: nullable(Type.String()),
    registrationId: nullable(Id),
    statusBefore: nullable(Type.String()),
    statusAfter: nullable(Type.String()),
    healthWorkerId: nullable(Id),
    nameBefore: nullable(Type.String()),
    nameAfter: nullable(Type.String()),
    hasNik: Type.Boolean({ description: 'the row or the person has a NIK' }),
    fields: Type.Array(
      Type.Object({
        field: Type.String({ examples: ['validUntil'] }),
        before: nullable(Type.String()),
        after: nullable(Type.String())
      }),
      {
        description:
          'fields that changed, or that this row of a plan would change, without stamps. Both values are null for `nik`, and for people whose data is restricted'
      }
    ),
    undo: Type.Union([Type.Enum(['kept', 'restored']), Type.Null()], {
      description:
        'only for an undone batch: whether the change stayed or its former value was restored. Null if the report of the undo is too short to say. A restored field has no value in `after`'
    })
  },
  { title: 'Change' }
)

export const Excesses = Type.Array(
  Type.Object({
    reason: Type.Enum(holdReasons),
    profession: Type.String({ description: '`*` for the sum of all professions' }),
    count: Count,
    limit: Type.Number({ minimum: 0, description: 'the largest count that is applied without a person' })
  }),
  { description: 'the counts that exceeded their limits, so that the batch was held; other reasons have no count' }
)

const undone = {
  registrationsDeleted: Count,
  registrationsRestored: Count,
  peopleDeleted: Count,
  peopleRestored: Count,
  rejectionsReopened: Count,
  registrationsLeft: Count,
  peopleLeft: Count,
  left: Type.Object({ registrations: Left, people: Left })
}

export const CodeCountSchema = Type.Array(Type.Object({ code: Type.String(), count: Count }), {
  description: 'rejected rows by code; a row may have several codes. After applying, only rows in the review queue'
})

export const Professions = Type.Array(
  Type.Object({
    profession: Type.String({ description: 'empty for rows whose profession cannot be read' }),
    created: Count,
    linked: Count,
    updated: Count,
    rejected: Count,
    deactivated: Count,
    namesChanged: Count
  }),
  { description: 'the ledger by profession; for an applied batch, at the time of applying' }
)

export const UndoSchema = Type.Object({
  ...undone,
  strNumbersDeleted: Count,
  decisionsWithdrawn: Count,
  actor: Type.String(),
  reason: Type.String(),
  at: Instant
})

const SummarySchema = Type.Object(
  {
    ledger: LedgerSchema,
    namesChanged: Count,
    stampOnly: Type.Integer({
      minimum: 0,
      description: 'omitted lines, which change only a stamp; `effect=stamp_only` lists them'
    }),
    excesses: Excesses,
    codes: CodeCountSchema,
    professions: Professions,
    undo: nullable(UndoSchema)
  },
  { title: 'ChangeSummary' }
)

const filters = {
  outcome: Type.Optional(Type.Enum(outcomes)),
  effect: Type.Optional(
    Type.Enum(changeEffects, {
      description: 'kept: changes that an undo did not reverse, because a later change touched the same values'
    })
  ),
  profession: Type.Optional(Type.String({ minLength: 1, maxLength: 100 }))
}

const SearchSchema = Type.Object(
  {
    ...filters,
    text: Type.Optional(
      Type.String({ minLength: 1, maxLength: 200, description: 'an STR in any spelling, or words of a name' })
    ),
    after: Type.Optional(PageQuery.properties.after),
    limit: Type.Optional(PageQuery.properties.limit)
  },
  { ...closed, title: 'ChangeSearch' }
)

const ExportSchema = Type.Object(
  {
    ...SearchSchema.properties,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000, default: 5000 }))
  },
  { ...closed, title: 'ChangeExport' }
)

const ChangePageSchema = Type.Interface([pageOf(ChangeSchema)], {
  state: BatchSchema.properties.state,
  planDigest: nullable(Type.String()),
  holdReasons: BatchSchema.properties.holdReasons,
  summary: Type.Union([SummarySchema, Type.Null()], { description: 'on the first page only' })
})

const ApplyPreviewSchema = Type.Object(
  {
    planDigest: nullable(Type.String({ description: 'send it with the request that applies this plan' })),
    holdReasons: BatchSchema.properties.holdReasons,
    summary: SummarySchema
  },
  { title: 'ApplyPreview' }
)

export function showsChanges({ items }: { items: Pick<Change, 'healthWorkerId'>[] }): Shown {
  const people = items.flatMap(({ healthWorkerId }) => healthWorkerId ?? [])
  return { people, unnamed: items.length - people.length }
}

/** The changes of a batch: planned ones, applied ones, and those that an undo would make. */
export const changeRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/v1/batches/:id/changes', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsChanges },
    schema: {
      tags: ['runs'],
      summary: 'List the changes of a batch: planned or applied ones',
      description:
        'The order is: deactivated licences, changed names, all others, people without a licence. Lines that change only a stamp are counted but not listed. The plan of a batch that is not on hold has no such order: its lines come in the order of its rows.',
      params: IdParams,
      querystring: Type.Interface([PageQuery], filters, closed),
      response: { 200: ChangePageSchema, ...problems }
    },
    handler: async request => showChanges(request.params.id, request.query, request.query)
  })

  app.post('/v1/batches/:id/changes/search', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsChanges },
    schema: {
      tags: ['runs'],
      summary: 'Find changes of a batch by STR or name',
      description: 'As `GET …/changes`. It is a POST, so that no number or name appears in a URL.',
      params: IdParams,
      body: SearchSchema,
      response: { 200: ChangePageSchema, ...problems }
    },
    handler: async request => {
      const { after = 0, limit = 50, ...filter } = request.body
      return showChanges(request.params.id, filter, { after, limit })
    }
  })

  app.post('/v1/batches/:id/changes/export', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsChanges, readsStandby: true },
    schema: {
      tags: ['runs'],
      summary: 'Export the changes of a batch, in large pages',
      description: 'As the search. The export is recorded as a separate disclosure.',
      params: IdParams,
      body: ExportSchema,
      response: { 200: pageOf(ChangeSchema), ...problems }
    },
    handler: async (request, reply) => {
      const { after = 0, limit = 5000, ...filter } = request.body
      const batch = await readWithOutcomes(request.params.id)
      const page = isOpen(batch.state)
        ? await readChanges(batch, filter, { after, limit })
        : await app.readFromStandby(reply, async connection => {
            await requireSame(connection, batch)
            return readChanges(batch, filter, { after, limit }, { connection })
          })
      return reply.header('cache-control', 'no-store').send(page)
    }
  })

  app.get('/v1/batches/:id/apply/preview', {
    onRequest: app.requireScope('runs:read'),
    schema: {
      tags: ['runs'],
      summary: 'Preview applying a held batch, with the digest of its plan',
      params: IdParams,
      response: { 200: ApplyPreviewSchema, ...problems }
    },
    handler: async request => {
      const { id } = request.params
      // The digest is read before the counts. If the plan changes in between, applying with this digest is denied.
      const batch = await readWithOutcomes(id, ['held'])
      const summary = await summarize(batch, await readBatchHistory(app.database.pool, id))
      return { planDigest: batch.planDigest, holdReasons: batch.holdReasons, summary }
    }
  })

  app.get('/v1/batches/:id/undo/preview', {
    onRequest: app.requireScope('runs:read'),
    schema: {
      tags: ['runs'],
      summary: 'Preview the undo of a batch: values and records that it would restore, remove and keep',
      description: 'The preview is of the present state. The lists are short; the counts are complete.',
      params: IdParams,
      response: { 200: Type.Object(undone, { title: 'UndoPreview' }), ...problems }
    },
    handler: async request => previewUndo(app.database.pool, request.params.id)
  })

  async function readWithOutcomes(id: number, states: readonly BatchState[] = statesWithOutcomes): Promise<Batch> {
    const batch = await readBatch(app.database.pool, id)
    if (!batch) throw new BatchNotFound(id)
    if (!states.includes(batch.state)) throw new BatchStateConflict(id, batch.state, states)
    return batch
  }

  async function showChanges(
    id: number,
    filter: ChangeFilter,
    page: PageRequest
  ): Promise<Static<typeof ChangePageSchema>> {
    const batch = await readWithOutcomes(id)
    const history = await readBatchHistory(app.database.pool, id)
    const changes = await readChanges(batch, filter, page, { history })
    const summary = page.after === 0 ? await summarize(batch, history) : null
    const { state, planDigest } = batch
    return { state, planDigest, holdReasons: batch.holdReasons, summary, ...changes }
  }

  async function readChanges(
    batch: Batch,
    filter: ChangeFilter,
    page: PageRequest,
    { history, connection = app.database.pool }: { history?: BatchHistory; connection?: pg.Pool | pg.ClientBase } = {}
  ) {
    const { text } = filter
    if (text !== undefined && !isSearchable(text)) {
      deny(new RequestInvalid('text', 'must be an STR, or hold more than titles and signs'))
    }
    if (isOpen(batch.state)) {
      return inTransaction(app.database.pool, client => readPlannedChanges(client, batch.id, filter, page))
    }
    const kept = keptOf(history ?? (await readBatchHistory(connection, batch.id)))
    return readRecordedChanges(connection, batch.id, filter, page, kept)
  }

  async function summarize(batch: Batch, history: BatchHistory): Promise<Static<typeof SummarySchema>> {
    const { pool } = app.database
    const { excesses, undo } = history
    const isPlan = isOpen(batch.state)
    const { professions, stampOnly } = isPlan ? await countPlan(batch, history) : await countRecorded(batch, history)
    const total = (name: 'deactivated' | 'namesChanged') => professions.reduce((sum, row) => sum + row[name], 0)
    const ledger = ledgerOf(batch)
    return {
      ledger: isPlan ? { ...ledger, deactivated: total('deactivated') } : ledger,
      namesChanged: total('namesChanged'),
      stampOnly,
      excesses,
      codes: await readRejectedCodes(pool, batch.id, isPlan),
      professions,
      undo: undo && { ...undo, at: undo.at.toISOString() }
    }
  }

  async function countPlan({ id }: Batch, { professions, stampOnly }: BatchHistory): Promise<PlanCounts> {
    if (professions !== null && stampOnly !== null) return { professions, stampOnly }
    return inTransaction(app.database.pool, client => readPlanCounts(client, id))
  }

  async function countRecorded({ id, state }: Batch, { professions }: BatchHistory): Promise<PlanCounts> {
    const stampOnly = state === 'undone' ? 0 : await countStampOnly(app.database.pool, id)
    return { professions: professions ?? [], stampOnly }
  }
}

/** @throws StandbyBehind if the standby does not have this state of the batch yet: it may then lack changes of the batch */
async function requireSame(connection: pg.Pool | pg.ClientBase, { id, state }: Batch): Promise<void> {
  const replayed = await readBatch(connection, id)
  if (replayed?.state !== state) throw new StandbyBehind(`it has another state of batch ${id}`)
}
