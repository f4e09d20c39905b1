import type { FastifyBaseLogger } from 'fastify'
import type { SecretStore } from '../secrets/store.ts'
import { DigestKeyUnknown } from './errors.ts'
import { type Identity, type IdentityKeys, loadIdentity } from './keys.ts'

/** How often the keys are read anew: a new key is known to every process within this. */
export const keysReadEverySeconds = 30

/**
 * Returns the keys of the secret, which follow it while the process runs: a key that is added or put in force needs no
 * restart. A digest key or audit key that the database names and that is not known yet is looked for at once. `close` ends that.
 *
 * @throws what `loadIdentity` throws
 */
export async function followIdentity(
  secrets: SecretStore,
  logger: FastifyBaseLogger
): Promise<{ identity: IdentityKeys; close(): void }> {
  let current = await loadIdentity(secrets)
  let isFailing = false
  const renew = async () => {
    current = await loadIdentity(secrets)
  }
  const timer = setInterval(() => {
    renew().then(
      () => {
        isFailing = false
      },
      error => {
        // Said once: with the keys that it has the process goes on as well as before.
        if (!isFailing) logger.error({ err: error }, 'the keys of identity numbers cannot be read anew')
        isFailing = true
      }
    )
  }, keysReadEverySeconds * 1000).unref()
  const sealing: Pick<Identity, 'seal' | 'open'> = {
    seal: (...args) => current.seal(...args),
    open: (...args) => current.open(...args)
  }
  return {
    identity: {
      ...sealing,
      async auditKey(id) {
        const found = await current.auditKey(id)
        if (found !== null) return found
        await renew()
        return current.auditKey(id)
      },
      auditHeads: () => current.auditHeads(),
      async under(fingerprint) {
        const found = await current.under(fingerprint).catch(async error => {
          if (!(error instanceof DigestKeyUnknown)) throw error
          await renew()
          return current.under(fingerprint)
        })
        // Whoever works with one digest key for long still seals with the sealing key of the moment.
        return { ...found, ...sealing }
      }
    },
    close: () => clearInterval(timer)
  }
}
