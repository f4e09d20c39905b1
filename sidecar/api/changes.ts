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
import { previewUndo } from '../sync/take-back.ts'
import { refuse } from './deny.ts'
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
  description: 'what stays: all of it where no fields are named'
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
          'fields that changed, without stamps; of a plan, as this row would change them. Of `nik`, and of people whose data is restricted, both values are null'
      }
    ),
    undo: Type.Union([Type.Enum(['kept', 'restored']), Type.Null()], {
      description:
        'of an undone batch: what became of the change; null if more stayed than the report of the undo names. What was restored has no value after'
    })
  },
  { title: 'Change' }
)

export const Excesses = Type.Array(
  Type.Object({
    reason: Type.Enum(holdReasons),
    profession: Type.String({ description: '`*` for all together' }),
    count: Count,
    limit: Type.Number({ minimum: 0, description: 'the most that is applied without a person' })
  }),
  { description: 'the numbers for which the batch was held; reasons without a number are not among them' }
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
  description: 'for which codes rows are rejected; a row may have several. After applying: rows for people to see'
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
  { description: 'the ledger by profession; of an applied batch as it was then' }
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
      description: 'lines that are left out, since nothing but a stamp changes; `effect=stamp_only` lists them'
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
    Type.Enum(changeEffects, { description: 'kept: of an undone batch, what a later change held back' })
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
    planDigest: nullable(Type.String({ description: 'for the order that applies what is told here' })),
    holdReasons: BatchSchema.properties.holdReasons,
    summary: SummarySchema
  },
  { title: 'ApplyPreview' }
)

export function showsChanges({ items }: { items: Pick<Change, 'healthWorkerId'>[] }): Shown {
  const people = items.flatMap(({ healthWorkerId }) => healthWorkerId ?? [])
  return { people, unnamed: items.length - people.length }
}

/** What a batch would do, or did, or its undo would do. */
export const changeRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/v1/batches/:id/changes', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsChanges },
    schema: {
      tags: ['runs'],
      summary: 'Show what a planned or held batch would do, or an applied one did',
      description:
        'Deactivated licences first, then changed names, then all others, then people without a licence. Lines in which nothing but a stamp changes are counted and left out. A plan that waits for nobody is not ranked: its lines come in the order of its rows.',
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
      description: 'As `GET …/changes`. A POST, so that no number and no name stands in an address.',
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
    config: { shows: showsChanges },
    schema: {
      tags: ['runs'],
      summary: 'Take changes of a batch out, in large pages',
      description: 'As the search, and recorded as a disclosure of its own.',
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
      summary: 'Show what applying the held batch would do, with the digest of that plan',
      params: IdParams,
      response: { 200: ApplyPreviewSchema, ...problems }
    },
    handler: async request => {
      const { id } = request.params
      // The digest is read before the counts: an apply of older counts is then refused.
      const batch = await readWithOutcomes(id, ['held'])
      const summary = await summarize(batch, await readBatchHistory(app.database.pool, id))
      return { planDigest: batch.planDigest, holdReasons: batch.holdReasons, summary }
    }
  })

  app.get('/v1/batches/:id/undo/preview', {
    onRequest: app.requireScope('runs:read'),
    schema: {
      tags: ['runs'],
      summary: 'Show what an undo of the batch would restore, remove and leave',
      description: 'As things are now. The lists end after a few; the counts do not.',
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
      refuse(new RequestInvalid('text', 'must be an STR, or hold more than titles and signs'))
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

/** @throws StandbyBehind if it does not have this state of the batch yet, and so perhaps not all of its changes */
async function requireSame(connection: pg.Pool | pg.ClientBase, { id, state }: Batch): Promise<void> {
  const replayed = await readBatch(connection, id)
  if (replayed?.state !== state) throw new StandbyBehind(`it has another state of batch ${id}`)
}
