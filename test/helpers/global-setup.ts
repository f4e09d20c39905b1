import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import type { EmbeddedDatabase } from '../../sidecar/platform/embedded-database.ts'
import { ensureTemplate, startServer } from './server.ts'

let started: { server: EmbeddedDatabase; directory: string } | undefined

/** Starts the PostgreSQL that all test files of this run share; they find it by `TEST_SERVER_URL`. */
export async function globalSetup() {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-test-'))
  const server = await startServer(directory)
  started = { server, directory }
  await ensureTemplate(server.url)
  process.env.TEST_SERVER_URL = server.url
}

/** Stops it and removes its data. */
export async function globalTeardown() {
  if (!started) return
  delete process.env.TEST_SERVER_URL
  await started.server.stop()
  await rm(started.directory, { recursive: true, force: true })
  started = undefined
}
