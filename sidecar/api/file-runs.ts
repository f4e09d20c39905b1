import type { FileHandle } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Identity } from '../identity/keys.ts'
import { describeFault } from '../import/file-fault.ts'
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
import { deny } from './deny.ts'
import { closed, problems, RunSchema, toDate } from './schemas.ts'
import { maxUploadBytes, takeUploads } from './upload.ts'

export interface FileRunRouteOptions {
  identity: Identity
  files: Omit<FileRunContext, 'queue' | 'identity'>
}

/** A file of the largest size is read in some seconds on an idle machine. Odoo ends a request after two minutes. */
const mostReadMs = 30_000
/** A small file waits so long for another file that is read or stored. */
const mostTurnMs = 10_000
const pollMs = 50

/**
 * Runs with the rows of a file from KKI. The answer is sent when the file has been read, because storing its rows takes several
 * times longer.
 */
export const fileRunRoutes: FastifyPluginAsyncTypebox<FileRunRouteOptions> = async (app, { identity, files }) => {
  takeUploads(app)
  /** True while a file is read or stored; there is only one at a time. */
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
      description: `The body is the file, of at most ${maxUploadBytes} bytes. It is read before the answer, for at most ${mostReadMs / 1000} seconds. A file with a fault starts no run. The rows are stored after the answer, all of them or none. Until then the run's first batch is "fetching"; if storing fails, it is "failed".`,
      body: { content: { 'application/octet-stream': { schema: {} } } },
      querystring: Type.Object(
        {
          format: Type.Enum([...fileFormats]),
          asOf: Type.Optional(
            Type.String({
              format: 'date-time',
              description: 'when KKI made the file; needed if its rows have no time of change'
            })
          ),
          sheet: Type.Optional(
            Type.String({
              maxLength: 31,
              // An error message repeats the name, so it must be printable.
              pattern: `^[^${unprintableInContracts}]+$`,
              description: 'name of a sheet, for workbooks'
            })
          ),
          encoding: Type.Optional(
            Type.Enum(['utf-8', 'windows-1252'], {
              description: 'for CSV and JSON lines; the default is in the description of the file'
            })
          ),
          apply: Type.Optional(Type.Enum(['auto', 'hold'], { default: 'auto' }))
        },
        closed
      ),
      response: { 202: RunSchema, ...problems }
    },
    handler: async (request, reply) => {
      const { upload } = request
      // This handler closes the file, because no hook runs if the caller disconnects before the answer.
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
        return deny(error)
      }
      storing = store(context, upload, given, run)
        .finally(end)
        // If this fails, the maintenance job ends the batch.
        .catch(error => app.log.error({ err: error }, 'the batch of a file could not be ended'))
      const { runId } = run
      const body = await readRun(app.database.pool, runId)
      if (!body) throw new Problem('NOT_FOUND', 'The run is gone.')
      return reply.code(202).header('location', `/v1/runs/${runId}`).send(body)
    }
  })

  /** Checks as much of a file as the time allows. A fault after that point fails the batch later. @throws Problem */
  async function check(context: FileRunContext, file: FileHandle, request: FileRunRequest): Promise<void> {
    const enough = AbortSignal.timeout(mostReadMs)
    try {
      await checkFile(context, file, request, AbortSignal.any([enough, closing.signal]))
    } catch (error) {
      if (enough.aborted && error === enough.reason) return
      const invalid = faultOfFile('the file', error)
      if (!(invalid instanceof ImportFileInvalid)) throw error
      throw new Problem('IMPORT_FILE_INVALID', {
        en: describeFault(invalid.fault, english),
        id: describeFault(invalid.fault, indonesian)
      })
    }
  }

  /** Stores the rows of a file, or fails its batch with the reason. */
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
