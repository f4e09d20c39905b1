import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Logger } from 'pino'
import { type Config, loadConfig } from '../config.ts'
import { examineDatabase, examineServer, examineStandby } from '../doctor/database.ts'
import { examine, type Finding, failure } from '../doctor/finding.ts'
import { examineDisk, examineOdoo, examineSource } from '../doctor/outside.ts'
import { examineKeys, examineSecrets } from '../doctor/secrets.ts'
import { examineWork } from '../doctor/work.ts'
import { createDatabase } from '../platform/database.ts'
import { type OpenDatabase, openDatabase } from '../platform/open-database.ts'
import { openRoleSecrets, secretsOfRoles } from '../role-secrets.ts'
import type { OpenSecrets } from '../secrets/open.ts'
import { errorLogger } from './command.ts'

/** Yields what is right and wrong about the installation, check by check. It changes nothing. */
export async function* examineAll(env: NodeJS.ProcessEnv): AsyncGenerator<Finding> {
  let config: Config | undefined
  yield await examine('settings', 'Correct this setting.', async () => {
    config = loadConfig(env, { talksToKki: false })
    return 'can be read'
  })
  if (config === undefined) return
  const logger = errorLogger(config)
  yield await examineDisk(config)

  let secrets: OpenSecrets | undefined
  const names = secretsOfRoles(config)
  const opened = await examine('secret store', 'See docs/operate/secrets.md.', async () => {
    secrets = await openRoleSecrets(config as Config, logger)
    return 'answers'
  })
  yield opened
  try {
    if (secrets !== undefined) yield await examineSecrets(secrets, names)
    yield* examineStored(config, secrets, logger)
    if (secrets !== undefined && config.mayFetch) yield await examineSource(config, secrets)
  } finally {
    await secrets?.close()
  }
}

/** Yields the checks that need the database, and those of Odoo, some of which do. */
async function* examineStored(
  config: Config,
  secrets: OpenSecrets | undefined,
  logger: Logger
): AsyncGenerator<Finding> {
  let opened: OpenDatabase | undefined
  yield await examine('database address', 'See the log, and docs/operate/database.md.', async () => {
    // Opening it would create an empty one.
    if (config.databaseUrl === null && !existsSync(path.join(config.dataDir, 'postgres'))) {
      return failure('there is no database yet', 'Set SDMK_DATABASE_URL, or start the service once.')
    }
    opened = await openDatabase(config, logger, { shared: true })
    return opened.embedded ? `the embedded database under ${config.dataDir}` : 'is set'
  })
  if (opened === undefined) {
    if (secrets !== undefined) yield* await examineOdoo(null, config, secrets, logger)
    return
  }
  const { pool } = createDatabase({ url: opened.url, maxConnections: 2 }, logger)
  try {
    const database = await examineDatabase(opened.url)
    yield database
    let hasSchema = false
    if (database.state === 'ok') {
      const server = await examineServer(pool)
      yield* server
      const { url, maxAgeSeconds } = config.reads
      if (url !== null) yield await examineStandby(pool, url, maxAgeSeconds)
      hasSchema = server.every(({ check, state }) => check !== 'schema' || state !== 'failed')
    }
    if (hasSchema) {
      if (secrets !== undefined) yield* await examineKeys(pool, secrets)
      yield* await examineWork(pool, config)
    }
    if (secrets !== undefined) yield* await examineOdoo(hasSchema ? pool : null, config, secrets, logger)
  } finally {
    await pool.end()
    await opened.close()
  }
}
