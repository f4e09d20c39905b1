import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Identity } from '../identity/keys.ts'
import { tellFault } from '../import/file-fault.ts'
import { ImportFileInvalid } from '../import/read-file.ts'
import { fileFormats } from '../import/read-rows.ts'
import { type FileRunContext, syncFile } from '../import/sync-file.ts'
import { english } from '../import/words-en.ts'
import { indonesian } from '../import/words-id.ts'
import { unprintableInContracts } from '../platform/printable-text.ts'
import { Problem } from '../platform/problem.ts'
import { readRun } from './bodies.ts'
import { callerOf, triggerOf } from './caller.ts'
import { refuse } from './deny.ts'
import { closed, problems, RunSchema, toDate } from './schemas.ts'
import { maxUploadBytes, takeUploads } from './upload.ts'

export interface FileRunRouteOptions {
  identity: Identity
  files: Omit<FileRunContext, 'queue' | 'identity'>
}

/** Taking the rows of a file that KKI sent. */
export const fileRunRoutes: FastifyPluginAsyncTypebox<FileRunRouteOptions> = async (app, { identity, files }) => {
  takeUploads(app)
  let isReading = false

  app.post('/v1/runs/file', {
    onRequest: app.requireScope('runs:write'),
    bodyLimit: maxUploadBytes,
    schema: {
      tags: ['runs'],
      summary: 'Start a run with the rows of a file',
      description: `The body is the file, of at most ${maxUploadBytes} bytes. It is read whole before the answer; a file that cannot be read starts no run.`,
      body: { content: { 'application/octet-stream': { schema: {} } } },
      querystring: Type.Object(
        {
          format: Type.Enum([...fileFormats]),
          asOf: Type.Optional(
            Type.String({
              format: 'date-time',
              description: 'when KKI made the file, where its rows have no time of change'
            })
          ),
          sheet: Type.Optional(
            Type.String({
              maxLength: 31,
              // It is repeated where there is no such sheet.
              pattern: `^[^${unprintableInContracts}]+$`,
              description: 'of a workbook'
            })
          ),
          encoding: Type.Optional(
            Type.Enum(['utf-8', 'windows-1252'], { description: 'of CSV and JSON lines; by default what is described' })
          ),
          apply: Type.Optional(Type.Enum(['auto', 'hold'], { default: 'auto' }))
        },
        closed
      ),
      response: { 202: RunSchema, ...problems }
    },
    handler: async (request, reply) => {
      const { upload } = request
      // From here on it is closed below: where the caller leaves before the answer, no hook runs that would close it.
      request.upload = null
      if (upload === null) throw new Problem('VALIDATION_FAILED', 'Send the file as application/octet-stream.')
      if (isReading) {
        await upload.close()
        throw new Problem('UNAVAILABLE', 'Another file is being read. Try again in a minute.')
      }
      isReading = true
      try {
        const { asOf, ...query } = request.query
        const context = { ...files, queue: app.queue, identity }
        const options = { name: 'the file', triggeredBy: triggerOf(request), caller: callerOf(request) }
        const { runId } = await app.database
          .withTransaction(client => syncFile(client, context, upload, { ...query, asOf: toDate(asOf) }, options))
          .catch(error => {
            if (!(error instanceof ImportFileInvalid)) return refuse(error)
            const { fault } = error
            throw new Problem('IMPORT_FILE_INVALID', {
              en: tellFault(fault, english),
              id: tellFault(fault, indonesian)
            })
          })
        const body = await readRun(app.database.pool, runId)
        if (!body) throw new Problem('NOT_FOUND', 'The run is gone.')
        return reply.code(202).header('location', `/v1/runs/${runId}`).send(body)
      } finally {
        isReading = false
        await upload.close()
      }
    }
  })
}
