import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Config } from '../config.ts'
import { examineInside } from '../doctor/inside.ts'
import { type InsideCheck, insideChecks, words } from '../doctor/words.ts'
import type { Language } from '../platform/problem-texts.ts'
import { nullable, problems } from './schemas.ts'

const WordsSchema = Type.Object(
  {
    name: Type.String({ description: 'of the check' }),
    action: nullable(Type.String({ description: 'what is wrong and who helps; null: nothing is to be done' }))
  },
  { title: 'FindingInWords' }
)

const DoctorSchema = Type.Object(
  {
    findings: Type.Array(
      Type.Object({
        check: Type.Enum([...insideChecks], { description: 'as `sdmk doctor` names it' }),
        state: Type.Enum(['ok', 'warning', 'failed', 'skipped']),
        found: Type.String({ description: 'for the technical team, in English' }),
        en: WordsSchema,
        id: WordsSchema
      })
    )
  },
  { title: 'Doctor' }
)

/** What a running service finds in its own installation. */
export const doctorRoutes: FastifyPluginAsyncTypebox<{ config: Pick<Config, 'reads' | 'timeZone' | 'odoo'> }> = async (
  app,
  { config }
) => {
  app.get('/v1/doctor', {
    onRequest: app.requireScope('settings:write'),
    schema: {
      tags: ['integration'],
      summary: 'Check the installation from inside the service, and change nothing',
      description:
        'The checks of `sdmk doctor` that need no secret and little time. The command also reads the keys, the whole audit chain, the disk, the source and Odoo.',
      response: { 200: DoctorSchema, ...problems }
    },
    handler: async () => {
      const findings = await examineInside(app.database.pool, config)
      return {
        findings: findings.map(({ check, state, found }) => {
          const isWrong = state === 'warning' || state === 'failed'
          const { name, action } = words[check as InsideCheck]
          const inWords = (language: Language) => ({ name: name[language], action: isWrong ? action[language] : null })
          return { check: check as InsideCheck, state, found, en: inWords('en'), id: inWords('id') }
        })
      }
    }
  })
}
