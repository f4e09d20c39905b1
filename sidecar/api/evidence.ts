import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { Shown } from '../audit/disclosures.ts'
import { recordAudit } from '../audit/record.ts'
import { toHtml } from '../platform/printed-document.ts'
import type { Language } from '../platform/problem-texts.ts'
import { inTransaction } from '../platform/transaction.ts'
import { type Evidence, readEvidence } from '../sync/evidence.ts'
import { AuditEventSchema, CheckSchema, HeadSchema, toEventBody } from './audit.ts'
import { toBatchBody } from './bodies.ts'
import { callerOf } from './caller.ts'
import { ChangeSchema, CodeCountSchema, Excesses, Professions, showsChanges, UndoSchema } from './changes.ts'
import { evidenceDocument } from './evidence-words.ts'
import { BatchSchema, closed, IdParams, Instant, nullable, problems, Reason } from './schemas.ts'

const Hash = Type.String({ pattern: '^[0-9a-f]{64}$' })

const ProvenEventSchema = Type.Interface(
  [AuditEventSchema],
  {
    text: Type.String({ description: 'its SHA-256 is `proof.eventHash`' }),
    proof: Type.Union(
      [
        Type.Object({
          seq: Type.Integer({ minimum: 1 }),
          eventHash: Hash,
          previousHash: nullable(Hash),
          hash: Hash,
          keyId: Type.Integer()
        }),
        Type.Null()
      ],
      {
        description:
          'the link: `hash` is the HMAC-SHA-256 of `previousHash seq event-id eventHash` by the audit key; null until the event is chained'
      }
    )
  },
  { title: 'ProvenEvent' }
)

const EvidenceSchema = Type.Object(
  {
    at: Instant,
    batch: BatchSchema,
    excesses: Excesses,
    professions: nullable(Professions),
    codes: CodeCountSchema,
    undo: nullable(UndoSchema),
    changes: Type.Array(ChangeSchema, { description: 'the most harmful ones first; at most 1,000' }),
    hasMoreChanges: Type.Boolean(),
    events: Type.Array(ProvenEventSchema, { description: 'of the batch and its run, oldest first' }),
    head: nullable(HeadSchema),
    check: nullable(CheckSchema)
  },
  { title: 'BatchEvidence' }
)

const AnswerSchema = Type.Object({
  evidence: EvidenceSchema,
  page: Type.String({ description: 'the same for people: HTML for the printer; it runs and loads nothing' })
})

const shows = ({ evidence }: Static<typeof AnswerSchema>): Shown => showsChanges({ items: evidence.changes })

/** The evidence of a batch, for auditors. */
export const evidenceRoutes: FastifyPluginAsyncTypebox = async app => {
  app.post('/v1/batches/:id/evidence', {
    onRequest: app.requireScope('registry:read', 'audit:read'),
    config: { shows },
    schema: {
      tags: ['audit'],
      summary: 'Export the evidence of a batch: its changes, reasons and decisions, and the proof from the audit chain',
      description: 'Audited, with the reason, and recorded as a disclosure.',
      params: IdParams,
      body: Type.Object(
        { reason: Reason, language: Type.Optional(Type.Enum(['id', 'en'], { default: 'id' })) },
        { ...closed, title: 'EvidenceRequest' }
      ),
      response: { 200: AnswerSchema, ...problems }
    },
    handler: async (request, reply) => {
      const { id } = request.params
      const { reason, language = 'id' } = request.body
      const { pool } = app.database
      const evidence = await readEvidence(pool, id)
      const { rows } = await pool.query<{ code: string } & Record<Language, string>>(
        'select code, name_en as en, name_id as id from sdmk.profession'
      )
      const professions = new Map(rows.map(({ code, en, id: indonesian }) => [code, { en, id: indonesian }]))
      await inTransaction(pool, client =>
        recordAudit(client, {
          ...callerOf(request),
          action: 'batch.evidence_taken',
          runId: evidence.batch.runId,
          batchId: id,
          detail: { reason }
        })
      )
      const page = toHtml(evidenceDocument(evidence, professions, language))
      return reply.header('cache-control', 'no-store').send({ evidence: toBody(evidence, language), page })
    }
  })
}

function toBody(evidence: Evidence, language: Language): Static<typeof EvidenceSchema> {
  const { at, batch, undo, events, check } = evidence
  return {
    ...evidence,
    at: at.toISOString(),
    batch: toBatchBody(batch),
    undo: undo && { ...undo, at: undo.at.toISOString() },
    events: events.map(event => ({ ...event, ...toEventBody(event, language) })),
    check: check && { ...check, checkedAt: check.checkedAt.toISOString() }
  }
}
