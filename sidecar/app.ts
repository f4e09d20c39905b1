import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { LogController } from 'fastify'
import type { Logger } from 'pino'
import { auditRoutes } from './api/audit.ts'
import { batchRoutes } from './api/batches.ts'
import { changeRoutes } from './api/changes.ts'
import { decisionRoutes } from './api/decisions.ts'
import refusals from './api/denied-requests.ts'
import disclosure from './api/disclosures.ts'
import { doctorRoutes } from './api/doctor.ts'
import { evidenceRoutes } from './api/evidence.ts'
import { fileRunRoutes } from './api/file-runs.ts'
import { healthWorkerRoutes } from './api/health-workers.ts'
import { integrationRoutes } from './api/integration.ts'
import { createNikLookup } from './api/nik-lookup.ts'
import { odooAccountRoutes } from './api/odoo-account.ts'
import { personHistoryRoutes } from './api/person-history.ts'
import { personReportRoutes } from './api/person-reports.ts'
import { privacyRoutes } from './api/privacy.ts'
import { registrationRoutes } from './api/registrations.ts'
import { rejectionNameRoutes } from './api/rejection-names.ts'
import { rejectionRoutes } from './api/rejections.ts'
import { revealRoutes } from './api/reveal.ts'
import { reviewRoutes } from './api/review.ts'
import { runRoutes } from './api/runs.ts'
import sealFaults from './api/seal-faults.ts'
import type { Config } from './config.ts'
import { ConfigurationError } from './errors.ts'
import { holdDigestKey, keepDigestKey } from './identity/digest-key.ts'
import { followIdentity } from './identity/follow-keys.ts'
import { type IdentityKeys, identitySecret, throwawayIdentity } from './identity/keys.ts'
import { createOdooOutbox } from './odoo/jobs.ts'
import { odooSecret } from './odoo/link.ts'
import odoo from './odoo/plugin.ts'
import auth from './platform/auth.ts'
import { requirePrimary } from './platform/connection.ts'
import database from './platform/database.ts'
import health from './platform/health.ts'
import insecure from './platform/insecure.ts'
import { createLogger } from './platform/logger.ts'
import { answerBadAddress, answerBrokenRequest, requireHost } from './platform/malformed.ts'
import metrics from './platform/metrics.ts'
import { assertMigrated } from './platform/migrations.ts'
import openapi from './platform/openapi.ts'
import problems from './platform/problems.ts'
import protection from './platform/protection.ts'
import queue from './platform/queue.ts'
import reads from './platform/read-database.ts'
import requestIdPlugin, { requestId } from './platform/request-id.ts'
import { assertRestricted, isRestricted } from './platform/service-role.ts'
import storableText from './platform/storable-text.ts'
import strictRequests from './platform/strict-requests.ts'
import { validation } from './platform/validation.ts'
import { kkiSecrets, openRoleSecrets, refuseBroadLogin } from './role-secrets.ts'
import oneFolder from './secrets/one-folder.ts'
import type { OpenSecrets } from './secrets/open.ts'
import { scopeSecrets } from './secrets/scope.ts'
import { mappingOfFile } from './source/file-description.ts'
import { loadDescription, mappingOf } from './source/load.ts'
import { loadFileDescription } from './source/load-file-description.ts'
import kki from './source/plugin.ts'
import { tokenSecret } from './source/token.ts'
import sync from './sync/plugin.ts'
import { createRowReader } from './transform/row-reader.ts'

export interface AppOptions {
  logger?: Logger
  /** PostgreSQL; by default the one from the configuration. One of the two is required. */
  databaseUrl?: string
  /** True to describe the API alone: no database, no queue, no jobs, and requests are not answered. */
  withoutServices?: boolean
  /** False in a command: the schedule and the daily tasks belong to the service. Default: true. */
  keepsTime?: boolean
  /** Called after the digest key was rotated: this process gets no more connections. */
  onDigestKeyLost?: (error: Error) => void
}

export type App = Awaited<ReturnType<typeof buildApp>>

/**
 * Returns the sidecar, ready to listen; closing it ends its jobs and connections. Each plugin may use only those above
 * it, so their order shows the dependencies.
 *
 * @throws DatabaseUnavailable, SchemaBehind, SchemaForeign, ConfigurationError, SecretStoreUnavailable, DigestKeyUnknown,
 *   DigestKeyHeld
 */
export async function buildApp(config: Config, options: AppOptions = {}) {
  const app = Fastify({
    loggerInstance: options.logger ?? createLogger(config.logLevel),
    logController: new LogController({ disableRequestLogging: true }),
    // Log lines within a request already have its ids; a logger that binds them would repeat them.
    childLoggerFactory: logger => logger,
    genReqId: requestId,
    ...validation,
    trustProxy: false,
    frameworkErrors: answerBadAddress,
    clientErrorHandler: answerBrokenRequest,
    // Running requests have as long as running jobs; idle connections are closed at once.
    forceCloseConnections: 'idle',
    requestTimeout: config.requestTimeoutMs,
    http: {
      // Node ignores the limit for the whole request if the limit for the headers is longer.
      headersTimeout: config.requestTimeoutMs,
      requestTimeout: config.requestTimeoutMs,
      // How often Node looks for late requests. Its default of 30 s is many times a short limit.
      connectionsCheckingInterval: Math.min(config.requestTimeoutMs, 10_000),
      // `requireHost` asks for it.
      requireHostHeader: false
    },
    bodyLimit: 1_048_576
  }).withTypeProvider<TypeBoxTypeProvider>()

  try {
    await app.register(requestIdPlugin)
    await app.register(problems)
    app.addHook('onRequest', requireHost)
    await app.register(strictRequests)
    await app.register(storableText)
    await app.register(metrics, config.metrics)
    await app.register(insecure, { insecure: config.insecure })
    await app.register(protection, { rateLimitPerMinute: config.rateLimitPerMinute })
    await app.register(openapi)
    await app.register(health)

    const description = await loadDescription(config.kki.sourceFile)
    const mapping = mappingOf(description)
    const files = await loadFileDescription(config.kki.fileDescription)
    const reader = createRowReader(mapping, mappingOfFile(files))
    const databaseUrl = options.databaseUrl ?? config.databaseUrl
    const secrets: OpenSecrets | null = options.withoutServices ? null : await openRoleSecrets(config, app.log)
    let identity: IdentityKeys = throwawayIdentity()
    if (secrets !== null) {
      app.addHook('onClose', async () => secrets.close())
      if (databaseUrl === null) throw new ConfigurationError('SDMK_DATABASE_URL', 'is required here')
      await refuseBroadLogin(config, secrets)
      // A process with only the role `relay` needs no identity numbers.
      const usesIdentity = config.roles.some(role => role !== 'relay')
      if (usesIdentity) {
        const followed = await followIdentity(scopeSecrets(secrets, [identitySecret]), app.log)
        app.addHook('onClose', async () => followed.close())
        identity = followed.identity
      }
      await app.register(database, {
        url: databaseUrl,
        maxConnections: config.databasePoolConnections,
        applicationName: `sdmk ${config.roles.join(',')}`,
        onConnect: usesIdentity ? client => holdDigestKey(client, identity) : undefined
      })
      const versions = await assertMigrated(app.database.pool)
      if (versions.database > versions.program) {
        app.log.warn(
          { database_version: versions.database, program_version: versions.program },
          'a newer version of the connector has migrated the database; replace this process by one of that version'
        )
      }
      if (usesIdentity) {
        const kept = keepDigestKey(app.database.pool, error => options.onDigestKeyLost?.(error))
        app.addHook('onClose', async () => kept.close())
      }
      await assertRestricted(app.database.pool, config, app.log)
      app.health.register('database', async () => {
        await requirePrimary(app.database.pool, databaseUrl)
        return { restricted: await isRestricted(app.database.pool) }
      })
      if (config.roles.includes('api')) await app.register(reads, config.reads)
      await app.register(queue, { url: databaseUrl, shutdownTimeoutSeconds: config.shutdownTimeoutSeconds })
      app.health.register('queue', async () => void (await app.queue.check()))
      app.database.setOdooOutbox(createOdooOutbox(config.odoo, app.queue))
      if (config.odoo && config.roles.includes('relay')) {
        await app.register(odoo, { config, odoo: config.odoo, secrets: scopeSecrets(secrets, [odooSecret]) })
      }
      if (config.roles.includes('fetch')) {
        if (secrets.isFile(tokenSecret)) {
          await app.register(oneFolder, { databaseUrl, directory: config.secretsDir })
        }
        await app.register(kki, { config, description, secrets: scopeSecrets(secrets, kkiSecrets) })
      }
      // A source that accepts no page size decides it itself.
      const pageSize = config.kki.pageSize ?? description.limits.pageSize ?? 1
      await app.register(sync, { config, mapping, reader, pageSize, identity, keepsTime: options.keepsTime ?? true })
    }
    await app.register(auth)
    if (secrets !== null) {
      await app.register(refusals)
      await app.register(sealFaults)
    }
    await app.register(disclosure)
    if (config.roles.includes('api')) {
      await app.register(runRoutes, { mapping })
      await app.register(fileRunRoutes, {
        identity,
        files: {
          transform: reader.transform,
          description: files,
          batchRows: config.kki.batchRows,
          maxSkewSeconds: config.kki.maxSkewSeconds
        }
      })
      await app.register(batchRoutes)
      await app.register(changeRoutes)
      await app.register(decisionRoutes)
      await app.register(rejectionRoutes)
      await app.register(rejectionNameRoutes, {
        review: { identity, reader, maxSkewSeconds: config.kki.storedSkewSeconds }
      })
      await app.register(reviewRoutes, {
        review: {
          mapping,
          reader,
          identity,
          maxSkewSeconds: config.kki.storedSkewSeconds,
          canAskByStr: description.oneByStr !== null,
          timeZone: config.timeZone
        }
      })
      // One instance for all routes, because they share the count.
      const lookUpNik = createNikLookup(app, config.nikLookupsPerHour)
      await app.register(healthWorkerRoutes, {
        identity,
        mapping,
        timeZone: config.timeZone,
        lookUpNik
      })
      await app.register(revealRoutes, { identity })
      await app.register(personHistoryRoutes)
      await app.register(personReportRoutes, { identity, lookUpNik })
      await app.register(privacyRoutes, { timeZone: config.timeZone, retentionYears: config.identityRetentionYears })
      await app.register(registrationRoutes)
      await app.register(integrationRoutes, {
        mapping,
        timeZone: config.timeZone,
        hasOdoo: config.odoo !== null,
        secrets: secrets && scopeSecrets(secrets, [identitySecret, odooSecret])
      })
      await app.register(doctorRoutes, { config })
      await app.register(auditRoutes)
      await app.register(evidenceRoutes)
      await app.register(odooAccountRoutes, {
        secrets: secrets && scopeSecrets(secrets, [odooSecret]),
        isConfigured: config.odoo !== null
      })
    }
    await app.ready()
    return app
  } catch (error) {
    await app.close()
    throw error
  }
}
