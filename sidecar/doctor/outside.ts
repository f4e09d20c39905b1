import { existsSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import type pg from 'pg'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { describeFailure, writeNothing } from '../odoo/check.ts'
import { OdooUnavailable } from '../odoo/errors.ts'
import { createOdooLink } from '../odoo/link.ts'
import type { OpenSecrets } from '../secrets/open.ts'
import { checkConfigured } from '../source/check/check-configured.ts'
import { tellFindings } from '../source/check/tell.ts'
import { english } from '../source/check/words-en.ts'
import { loadDescription } from '../source/load.ts'
import { loadModule } from '../source/module.ts'
import { examine, type Finding, failure, skipped, warning } from './finding.ts'

const sample = 100
const sourceMs = 60_000
const leastFreeShare = 0.1

/** Returns whether the source answers as its description says. */
export function examineSource(config: Config, secrets: OpenSecrets): Promise<Finding> {
  return examine('source', 'Run "sdmk source check" for the details.', async () => {
    if (config.kki.baseUrl === null) return skipped('KKI_BASE_URL is not set here')
    const description = await loadDescription(config.kki.sourceFile)
    const module = await loadModule(description.module)
    const { result } = await checkConfigured({ config, description, module, secrets }, { sample, timeoutMs: sourceMs })
    const [first = ''] = tellFindings(result, english)
    if (!result.isFine) return failure(first, 'Run "sdmk source check" for the details.')
    return 'answers as its description says'
  })
}

/** Returns whether the sidecar can write to Odoo, and when Odoo last called the sidecar. */
export async function examineOdoo(
  pool: pg.Pool | null,
  config: Config,
  secrets: OpenSecrets,
  logger: Logger
): Promise<Finding[]> {
  const { odoo } = config
  if (odoo === null) {
    return [await examine('Odoo', '', async () => skipped('SDMK_ODOO_URL is not set: there is no Odoo to write to'))]
  }
  const findings = [
    await examine('writing to Odoo', 'See docs/operate/odoo.md.', async () => {
      const link = createOdooLink({ odoo, secrets, logger, onCall: () => {} })
      try {
        await writeNothing(link)
        return 'Odoo accepts what the sidecar writes'
      } catch (error) {
        const why = error instanceof OdooUnavailable ? [`Odoo ${error.problem}.`] : []
        return failure([...describeFailure(error).en, ...why].join(' '), 'See docs/operate/odoo.md.')
      } finally {
        await link.close()
      }
    })
  ]
  if (pool !== null) findings.push(await examine('calls from Odoo', 'See docs/operate/odoo.md.', () => callsOf(pool)))
  return findings
}

async function callsOf(pool: pg.Pool) {
  const { rows } = await pool.query<{ keys: number; usedAt: Date | null }>(
    `select count(*)::int as keys, max(last_used_at) as "usedAt" from kki.api_key
    where revoked_at is null and 'actor:delegate' = any (scopes)`
  )
  const { keys, usedAt } = rows[0] as (typeof rows)[number]
  if (keys === 0)
    return failure('no API key lets Odoo speak for its users', 'Make one with the scopes of docs/operate/odoo.md.')
  if (usedAt === null) return warning('Odoo has never called the sidecar', 'Enter the address and the key in Odoo.')
  return `last at ${usedAt.toISOString()}`
}

/**
 * Returns whether there is room on the disk of the data folder. With a database elsewhere there may be no such folder; the
 * disk of that server is not seen from here.
 */
export function examineDisk({ dataDir, databaseUrl }: Pick<Config, 'dataDir' | 'databaseUrl'>): Promise<Finding> {
  return examine('disk', 'Make the data folder, or set SDMK_DATA_DIR.', async () => {
    if (databaseUrl !== null && !existsSync(dataDir)) return skipped('there is no data folder, and none is needed')
    const { bavail, blocks, bsize } = await statfs(dataDir)
    const free = `${((Number(bavail) * Number(bsize)) / 2 ** 30).toFixed(1)} GB free`
    if (Number(bavail) < Number(blocks) * leastFreeShare) return warning(`${free}, less than a tenth`, 'Make room.')
    return free
  })
}
