import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from 'typebox'
import type { Shown } from '../audit/disclosures.ts'
import { recordAudit } from '../audit/record.ts'
import { RequestInvalid } from '../errors.ts'
import type { Identity } from '../identity/keys.ts'
import { toHtml } from '../platform/printed-document.ts'
import { inTransaction, oneMoment } from '../platform/transaction.ts'
import { reportPerson } from '../privacy/person-report.ts'
import { type FindBy, type Found, findPerson, ofPerson } from '../privacy/person-report-find.ts'
import { toDocument } from '../privacy/person-report-words.ts'
import { callerOf } from './caller.ts'
import { deny } from './deny.ts'
import type { LookUpNik } from './nik-lookup.ts'
import { closed, Id, nullable, problems, Reason } from './schemas.ts'

const RequestSchema = Type.Object(
  {
    reason: Reason,
    language: Type.Optional(Type.Enum(['id', 'en'], { default: 'id' })),
    id: Type.Optional(Id),
    nik: Type.Optional(Type.String({ pattern: '^\\d{16}$' })),
    str: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'in any spelling' })),
    name: Type.Optional(Type.String({ minLength: 2, maxLength: 200, description: 'together with the birth date' })),
    birthDate: Type.Optional(Type.String({ format: 'date' }))
  },
  { ...closed, title: 'PersonReportRequest', description: 'one of id, nik, str, or name with birthDate' }
)

const ReportSchema = Type.Object(
  {
    healthWorkerId: nullable(Id),
    page: Type.Union([Type.String(), Type.Null()], {
      description:
        'HTML to print, without scripts or external resources. null: several people match, or none has exactly this name'
    }),
    candidates: Type.Array(Type.Object({ id: Id, name: Type.String(), registrations: Type.Integer({ minimum: 0 }) }), {
      description: 'people who match, if there is no page; repeat the request with an id'
    })
  },
  { title: 'PersonReport' }
)
type Report = Static<typeof ReportSchema>

const shows = ({ healthWorkerId, candidates }: Report): Shown => ({
  people: healthWorkerId === null ? candidates.map(({ id }) => id) : [healthWorkerId]
})

/** Answers a person who asks which data is stored about them. A POST, so that no number or name is part of a URL. */
export const personReportRoutes: FastifyPluginAsyncTypebox<{
  identity: Identity
  lookUpNik: LookUpNik
}> = async (app, { identity, lookUpNik }) => {
  app.post('/v1/person-reports', {
    onRequest: app.requireScope('privacy:manage'),
    config: { shows },
    schema: {
      tags: ['privacy'],
      summary: 'Report the stored data of a person, as a page to print',
      description:
        'Audited, with the reason, and recorded as a disclosure. It also finds people whose data is restricted. Reports by NIK count as lookups of a NIK. Do not store the answer.',
      body: RequestSchema,
      response: { 200: ReportSchema, ...problems }
    },
    handler: async (request, reply) => {
      const { reason, language = 'id' } = request.body
      const { by, given } = askedBy(request.body)
      const caller = callerOf(request)
      // A separate step before the report, so that a lookup without a result is audited and counted as well.
      const byNik = by === 'nik' ? await lookUpNik(caller, reply, { reason }, client => findByNik(client, given)) : null
      const answer = await inTransaction(
        app.database.pool,
        async (client): Promise<Report> => {
          const found =
            byNik ??
            (by === 'id'
              ? { subject: await ofPerson(client, identity, Number(given)) }
              : await findPerson(client, identity, by, given))
          if ('candidates' in found) return { healthWorkerId: null, page: null, candidates: found.candidates }
          const { healthWorkerId } = found.subject
          const report = await reportPerson(client, found.subject)
          await recordAudit(client, { ...caller, action: 'person.reported', detail: { healthWorkerId, reason } })
          return { healthWorkerId, page: toHtml(toDocument(report, language)), candidates: [] }
        },
        oneMoment
      ).catch(deny)
      return reply.header('cache-control', 'no-store').send(answer)
    }
  })

  async function findByNik(client: Parameters<typeof findPerson>[0], nik: string) {
    const found: Found = await findPerson(client, identity, 'nik', nik)
    const id = 'subject' in found ? found.subject.healthWorkerId : null
    return { result: id === null ? 'missed' : 'found', foundIds: id === null ? [] : [id], value: found } as const
  }
}

/** @throws Problem if the body does not name the person in exactly one way */
function askedBy({ id, nik, str, name, birthDate }: Static<typeof RequestSchema>): {
  by: FindBy | 'id'
  given: string
} {
  const ways: { by: FindBy | 'id'; given: string }[] = []
  if (id !== undefined) ways.push({ by: 'id', given: String(id) })
  if (nik !== undefined) ways.push({ by: 'nik', given: nik })
  if (str !== undefined) ways.push({ by: 'str', given: str })
  if (name !== undefined) ways.push({ by: 'name', given: `${name.replace(/\s+/g, ' ')}\n${birthDate ?? ''}` })
  const [way] = ways
  if (!way || ways.length > 1) deny(new RequestInvalid('id', 'name one of id, nik, str, or name with birthDate'))
  if ((name === undefined) !== (birthDate === undefined)) {
    deny(new RequestInvalid(name === undefined ? 'name' : 'birthDate', 'name and birthDate go together'))
  }
  return way
}
