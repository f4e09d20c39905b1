import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Shown } from '../audit/disclosures.ts'
import { hasOutcomes, isOpen, statesWithOutcomes } from '../batch-terms.ts'
import {
  type Change,
  readPlannedChanges,
  readPlannedProfessions,
  readRecordedChanges,
  readRecordedProfessions,
  readRejectedCodes
} from '../registry/changes.ts'
import { type Batch, ledgerOf, readBatch } from '../sync/batch.ts'
import { BatchNotFound, BatchStateRefused } from '../sync/errors.ts'
import { readUndoReport } from '../sync/take-back.ts'
import { BatchSchema, closed, Id, IdParams, LedgerSchema, nullable, PageQuery, pageOf, problems } from './schemas.ts'

const Count = Type.Integer({ minimum: 0 })
const Left = Type.Array(Type.Object({ id: Id, fields: Type.Array(Type.String()) }), {
  description: 'what stays: all of it where no fields are named'
})

const ChangeSchema = Type.Object(
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
    codes: Type.Array(Type.String(), { description: 'why the row is refused' }),
    strNumber: nullable(Type.String()),
    profession: nullable(Type.String()),
    registrationId: nullable(Id),
    statusBefore: nullable(Type.String()),
    statusAfter: nullable(Type.String()),
    healthWorkerId: nullable(Id),
    nameBefore: nullable(Type.String()),
    nameAfter: nullable(Type.String()),
    hasNik: Type.Boolean({ description: 'the row or the person has a NIK' }),
    fields: Type.Array(Type.String(), { description: 'fields that changed; of a plan not known yet' })
  },
  { title: 'Change' }
)

const SummarySchema = Type.Object(
  {
    ledger: LedgerSchema,
    namesChanged: Count,
    codes: Type.Array(Type.Object({ code: Type.String(), count: Count }), {
      description: 'for which codes rows are rejected; a row may have several. After applying: rows for people to see'
    }),
    professions: Type.Array(
      Type.Object({
        profession: Type.String({ description: 'empty for rejected rows whose profession cannot be read' }),
        created: Count,
        linked: Count,
        updated: Count,
        rejected: Count,
        deactivated: Count,
        namesChanged: Count
      })
    ),
    undo: nullable(
      Type.Object({
        registrationsDeleted: Count,
        registrationsRestored: Count,
        peopleDeleted: Count,
        peopleRestored: Count,
        strNumbersDeleted: Count,
        decisionsWithdrawn: Count,
        rejectionsReopened: Count,
        registrationsLeft: Count,
        peopleLeft: Count,
        left: Type.Object({ registrations: Left, people: Left })
      })
    )
  },
  { title: 'ChangeSummary' }
)

function showsChanges({ items }: { items: Pick<Change, 'healthWorkerId'>[] }): Shown {
  const people = items.flatMap(({ healthWorkerId }) => healthWorkerId ?? [])
  return { people, unnamed: items.length - people.length }
}

/** What a batch would do, or did. */
export const changeRoutes: FastifyPluginAsyncTypebox = async app => {
  app.get('/v1/batches/:id/changes', {
    onRequest: app.requireScope('registry:read'),
    config: { shows: showsChanges },
    schema: {
      tags: ['runs'],
      summary: 'Show what a planned or held batch would do, or an applied one did',
      params: IdParams,
      querystring: Type.Interface(
        [PageQuery],
        {
          outcome: Type.Optional(Type.Enum(['created', 'linked', 'updated', 'superseded', 'rejected'])),
          effect: Type.Optional(Type.Enum(['deactivated', 'name_changed']))
        },
        closed
      ),
      response: {
        200: Type.Interface([pageOf(ChangeSchema)], {
          state: BatchSchema.properties.state,
          planDigest: nullable(Type.String()),
          holdReasons: BatchSchema.properties.holdReasons,
          summary: Type.Union([SummarySchema, Type.Null()], { description: 'on the first page only' })
        }),
        ...problems
      }
    },
    handler: async request => {
      const { id } = request.params
      const { pool } = app.database
      const batch = await readBatch(pool, id)
      if (!batch) throw new BatchNotFound(id)
      if (!hasOutcomes(batch.state)) throw new BatchStateRefused(id, batch.state, statesWithOutcomes)
      const isPlan = isOpen(batch.state)
      const readItems = isPlan ? readPlannedChanges : readRecordedChanges
      const page = await readItems(pool, id, request.query, request.query)
      const summary = request.query.after === 0 ? await summarize(batch, isPlan) : null
      const { state, planDigest, holdReasons } = batch
      return { state, planDigest, holdReasons, summary, ...page }
    }
  })

  async function summarize(batch: Batch, isPlan: boolean) {
    const { pool } = app.database
    const professions = await (isPlan ? readPlannedProfessions : readRecordedProfessions)(pool, batch.id)
    const total = (name: 'deactivated' | 'namesChanged') => professions.reduce((sum, row) => sum + row[name], 0)
    const ledger = ledgerOf(batch)
    return {
      ledger: isPlan ? { ...ledger, deactivated: total('deactivated') } : ledger,
      namesChanged: total('namesChanged'),
      codes: await readRejectedCodes(pool, batch.id, isPlan),
      professions,
      undo: await readUndoReport(pool, batch.id)
    }
  }
}
