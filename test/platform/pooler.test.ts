import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigurationError } from '../../sidecar/errors.ts'
import { checkDatabase } from '../../sidecar/platform/connection.ts'
import { refuseSharedSessions } from '../../sidecar/platform/pooler.ts'
import { PackagesUnavailable } from '../../tools/debian/unpack.ts'
import { installPgBouncer } from '../../tools/pgbouncer/install.ts'
import { createTestDatabase } from '../helpers/database.ts'

const { programs, skip } = await bouncerOrReason()

async function bouncerOrReason() {
  try {
    return { programs: await installPgBouncer(), skip: false as const }
  } catch (error) {
    if (process.env.CI === 'true' || !(error instanceof PackagesUnavailable)) throw error
    return { programs: null, skip: error.message }
  }
}

/** Returns the database's URL through a PgBouncer of this pool mode. */
async function startBouncer(t: TestContext, databaseUrl: string, mode: string): Promise<string> {
  assert.ok(programs)
  const { hostname, port, username, password, pathname } = new URL(databaseUrl)
  const name = pathname.slice(1)
  const folder = await mkdtemp(path.join(os.tmpdir(), 'sdmk-pgbouncer-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const listen = await freePort()
  const file = path.join(folder, 'pgbouncer.ini')
  await writeFile(
    file,
    `[databases]
${name} = host=${hostname} port=${port} user=${username} password=${decodeURIComponent(password)}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${listen}
unix_socket_dir =
auth_type = any
pool_mode = ${mode}
ignore_startup_parameters = extra_float_digits
`
  )
  await chmod(file, 0o644)
  // It does not run as root.
  const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  const bouncer = spawn(programs.pgbouncer, [...asNobody, file], { env: programs.env, stdio: 'ignore' })
  t.after(() => bouncer.kill())
  const url = `postgres://anybody@127.0.0.1:${listen}/${name}?connect_timeout=120`
  for (const until = Date.now() + 120_000; ; await sleep(50)) {
    try {
      await checkDatabase(url)
      return url
    } catch (error) {
      if (Date.now() > until) throw error
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => server.close(resolve))
  return port
}

for (const mode of ['transaction', 'statement']) {
  test(`PgBouncer in ${mode} mode is rejected, and the error names the mode that works`, { skip }, async t => {
    const url = await startBouncer(t, (await createTestDatabase(t)).url, mode)
    await assert.rejects(
      refuseSharedSessions(url),
      (error: unknown) =>
        error instanceof ConfigurationError && /^SDMK_DATABASE_URL: .*pool mode to "session"/.test(error.message)
    )
  })
}

test('PgBouncer in session mode, and PostgreSQL itself, are accepted', { skip }, async t => {
  const { url } = await createTestDatabase(t)
  await refuseSharedSessions(url)
  await refuseSharedSessions(await startBouncer(t, url, 'session'))
})
