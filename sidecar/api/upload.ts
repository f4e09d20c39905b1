import type { FileHandle } from 'node:fs/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { openNamelessFile } from '../platform/nameless-file.ts'
import { Problem } from '../platform/problem.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The complete uploaded file; null on other routes. It is closed after the answer, unless a handler sets it to null. */
    upload: FileHandle | null
  }
}

/** Larger files must be loaded with the command, because an operator's request should be answered within two minutes. */
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
