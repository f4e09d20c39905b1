import type pg from 'pg'
import { verifyDatabase } from '../audit/check.ts'
import { readCheck } from '../audit/read.ts'
import { readFingerprint } from '../identity/digest-key.ts'
import { identitySecret, loadIdentity } from '../identity/keys.ts'
import { odooSecret } from '../odoo/link.ts'
import { counted } from '../platform/plural.ts'
import { inTransaction } from '../platform/transaction.ts'
import type { OpenSecrets } from '../secrets/open.ts'
import { tokenSecret } from '../source/token.ts'
import { examine, type Finding, failure, skipped, warning } from './finding.ts'

/** Secrets that an installation may do without: it makes the first itself, and Odoo hands over the second. */
const optional: readonly string[] = [tokenSecret, odooSecret]

/** Returns whether each secret of this process's roles can be read. */
export function examineSecrets(secrets: OpenSecrets, names: readonly string[]): Promise<Finding> {
  return examine('secrets', 'See docs/operate/secrets.md.', async () => {
    const missing: string[] = []
    for (const name of names) if ((await secrets.read(name)) === null) missing.push(name)
    const needed = missing.filter(name => !optional.includes(name))
    if (needed.length > 0) return failure(`missing: ${needed.join(', ')}`, 'Write them: docs/operate/secrets.md.')
    return `${names.length - missing.length} of ${names.length} are there${missing.length > 0 ? `; none yet: ${missing.join(', ')}` : ''}`
  })
}

/** Returns whether the keys are those that the database was filled with. After a restore they may not be. */
export async function examineKeys(pool: pg.Pool, secrets: OpenSecrets): Promise<Finding[]> {
  const fix = `Restore the secret "${identitySecret}" of the same day as the database: docs/operate/backup-and-restore.md.`
  return [
    await examine('keys', fix, async () => {
      const identity = await loadIdentity(secrets)
      const inForce = await inTransaction(pool, readFingerprint)
      if (inForce === null) return skipped('the database has no digest key yet; the first start stores it')
      if (inForce.equals(identity.fingerprint)) return 'fit the database'
      return failure('are not those that the database was filled with: every person would be unknown', fix)
    }),
    await examine('audit chain', fix, async () => {
      const verdict = await verifyDatabase(pool, await loadIdentity(secrets))
      if (verdict.findings > 0) {
        return failure(
          `${counted(verdict.findings, 'finding')} in ${counted(verdict.events, 'event')}`,
          'Run "sdmk audit verify", and tell the security officer.'
        )
      }
      const differing = (await readCheck(pool))?.odooDiffering ?? 0
      if (differing > 0) {
        return warning(
          `is whole, and ${counted(differing, 'head')} that Odoo noted ${differing === 1 ? 'is' : 'are'} not in it`,
          'After a restore this is right: run "sdmk odoo set-aside-heads". Otherwise tell the security officer.'
        )
      }
      return `${counted(verdict.events, 'event')} unchanged`
    })
  ]
}
