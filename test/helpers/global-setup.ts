import { startTestServer, type TestServer } from './server.ts'

/** Where the processes of the test files find the server of the run. */
export const serverVariable = 'TEST_SERVER_URL'

let server: TestServer | undefined

/** Starts the PostgreSQL that all test files of a run share. */
export async function globalSetup(): Promise<void> {
  server = await startTestServer()
  process.env[serverVariable] = server.url
}

/** Stops it. */
export async function globalTeardown(): Promise<void> {
  await server?.stop()
}
