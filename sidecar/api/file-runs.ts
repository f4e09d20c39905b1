import type { FileHandle } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Identity } from '../identity/keys.ts'
import { tellFault } from '../import/file-fault.ts'
import { faultOfFile, ImportFileInvalid } from '../import/read-file.ts'
import { fileFormats } from '../import/read-rows.ts'
import {
  checkFile,
  createFileRun,
  type FileRun,
  type FileRunContext,
  type FileRunRequest,
  stageFile
} from '../import/sync-file.ts'
import { english } from '../import/words-en.ts'
import { indonesian } from '../import/words-id.ts'
import { unprintableInContracts } from '../platform/printable-text.ts'
import { Problem } from '../platform/problem.ts'
import { tellError } from '../platform/tell-error.ts'
import { inSpan } from '../platform/tracing.ts'
import { FenceLost } from '../registry/errors.ts'
import { FileNotStored } from '../sync/errors.ts'
import { failBatch } from '../sync/fail-batch.ts'
import { readRun } from './bodies.ts'
import { callerOf, triggerOf } from './caller.ts'
import { refuse } from './deny.ts'
import { closed, problems, RunSchema, toDate } from './schemas.ts'
import { maxUploadBytes, takeUploads } from './upload.ts'

export interface FileRunRouteOptions {
  identity: Identity
  files: Omit<FileRunContext, 'queue' | 'identity'>
}

/** Reading a file of the largest size takes some seconds, unless the machine is busy. Odoo ends a request after two minutes. */
const mostReadMs = 30_000
/** A small file waits for its turn behind another small one. */
const mostTurnMs = 10_000
const pollMs = 50

/**
 * Taking the rows of a file that KKI sent. A caller waits while the file is read, and no longer: storing the rows takes a
 * multiple of reading them.
 */
export const fileRunRoutes: FastifyPluginAsyncTypebox<FileRunRouteOptions> = async (app, { identity, files }) => {
  takeUploads(app)
  /** One file at a time: the one that is read or stored. */
  let isBusy = false
  let storing = Promise.resolve()
  const closing = new AbortController()
  app.addHook('onClose', async () => {
    closing.abort()
    await storing
  })

  app.post('/v1/runs/file', {
    onRequest: app.requireScope('runs:write'),
    bodyLimit: maxUploadBytes,
    schema: {
      tags: ['runs'],
      summary: 'Start a run with the rows of a file',
      description: `The body is the file, of at most ${maxUploadBytes} bytes. It is read before the answer, for at most ${mostReadMs / 1000} seconds; a file that is found to be wrong starts no run. Its rows are stored after the answer, all of them or none: the run's first batch is "fetching" until then, and "failed" if that was not possible.`,
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
      const until = Date.now() + mostTurnMs
      while (isBusy) {
        if (Date.now() > until) {
          await upload.close()
          throw new Problem('UNAVAILABLE', 'Another file is being stored. Try again in a minute.')
        }
        await wait(pollMs)
      }
      isBusy = true
      const end = async () => {
        isBusy = false
        await upload.close()
      }
      const { asOf, ...query } = request.query
      const given = { ...query, asOf: toDate(asOf) }
      const context = { ...files, queue: app.queue, identity }
      const options = { triggeredBy: triggerOf(request), caller: callerOf(request) }
      let run: FileRun
      try {
        await check(context, upload, given)
        run = await app.database.withTransaction(client => createFileRun(client, context, upload, given, options))
      } catch (error) {
        await end()
        return refuse(error)
      }
      storing = store(context, upload, given, run)
        .finally(end)
        // Maintenance ends the batch.
        .catch(error => app.log.error({ err: error }, 'the batch of a file could not be ended'))
      const { runId } = run
      const body = await readRun(app.database.pool, runId)
      if (!body) throw new Problem('NOT_FOUND', 'The run is gone.')
      return reply.code(202).header('location', `/v1/runs/${runId}`).send(body)
    }
  })

  /** Reads a file as far as the time allows; if something further on is wrong, the batch fails. @throws Problem */
  async function check(context: FileRunContext, file: FileHandle, request: FileRunRequest): Promise<void> {
    const enough = AbortSignal.timeout(mostReadMs)
    try {
      await checkFile(context, file, request, AbortSignal.any([enough, closing.signal]))
    } catch (error) {
      if (enough.aborted && error === enough.reason) return
      const invalid = faultOfFile('the file', error)
      if (!(invalid instanceof ImportFileInvalid)) throw error
      throw new Problem('IMPORT_FILE_INVALID', {
        en: tellFault(invalid.fault, english),
        id: tellFault(invalid.fault, indonesian)
      })
    }
  }

  /** Stores the rows of a file, or says in its batch why they could not be stored. */
  async function store(
    context: FileRunContext,
    file: FileHandle,
    request: FileRunRequest,
    run: FileRun
  ): Promise<void> {
    const { runId, batch } = run
    await inSpan('store file', { ids: { trace_id: batch.traceId, run_id: runId, batch_id: batch.id } }, async () => {
      try {
        const { signal } = closing
        await app.database.withTransaction(client => stageFile(client, context, file, request, run, { signal }))
      } catch (error) {
        if (error instanceof FenceLost) return
        app.log.error({ err: error }, 'the rows of a file could not be stored')
        const fault = faultOfFile('the file', error)
        const reason = closing.signal.aborted ? 'the process was stopped' : tellError(error)
        await failBatch(app.database, batch, fault instanceof ImportFileInvalid ? fault : new FileNotStored(reason))
        app.syncMetrics.batchEnded('failed')
      }
    })
  }
}
