import type { FileHandle } from 'node:fs/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { openNamelessFile } from '../platform/nameless-file.ts'
import { Problem } from '../platform/problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The file that was sent, whole. It is closed after the answer, unless a handler takes it: then it is null, as on other routes. */
    upload: FileHandle | null
  }
}

/** Larger files are for the command: a request of an operator should be answered in a minute or two. */
export const maxUploadBytes = 64 * 1024 * 1024

/**
 * Lets the routes of this scope take a file as their body (`application/octet-stream`), which becomes a temporary file.
 */
export function takeUploads(app: FastifyInstance): void {
  app.decorateRequest('upload', null)
  app.addContentTypeParser(
    'application/octet-stream',
    async (request: FastifyRequest, payload: AsyncIterable<Buffer>) => {
      request.upload = await openNamelessFile()
      let bytes = 0
      for await (const chunk of payload) {
        bytes += chunk.length
        if (bytes > maxUploadBytes) {
          throw new Problem(
            'VALIDATION_FAILED',
            `The file has more than ${maxUploadBytes} bytes; load it with the command.`
          )
        }
        await request.upload.writev([chunk])
      }
      if (bytes === 0) throw new Problem('VALIDATION_FAILED', 'The file is empty.')
      return {}
    }
  )
  const close = async (request: FastifyRequest) => {
    const { upload } = request
    request.upload = null
    await upload?.close()
  }
  app.addHook('onResponse', close)
  app.addHook('onRequestAbort', close)
}
