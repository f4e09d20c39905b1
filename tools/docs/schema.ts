import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { openClient } from '../../sidecar/platform/connection.ts'
import { migrate } from '../../sidecar/platform/migrations.ts'
import { startServer } from '../../test/helpers/server.ts'
import { renderSchema } from './render-schema.ts'

const directory = await mkdtemp(path.join(os.tmpdir(), 'sdmk-schema-'))
const server = await startServer(directory)
try {
  await migrate({ databaseUrl: server.url, logger: pino({ level: 'silent' }) })
  const client = openClient(server.url, 'sdmk schema')
  await client.connect()
  const text = await renderSchema(client).finally(() => client.end())
  await writeFile(fileURLToPath(new URL('../../docs/reference/schema.sql', import.meta.url)), text)
} finally {
  await server.stop()
  await rm(directory, { recursive: true, force: true })
}
