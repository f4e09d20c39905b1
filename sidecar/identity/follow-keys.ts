import type { FastifyBaseLogger } from 'fastify'
import type { SecretStore } from '../secrets/store.ts'
import { type IdentityKeys, loadIdentity } from './keys.ts'

/** How often the keys are read anew: a new key is known to every process within this. */
export const keysReadEverySeconds = 30

/**
 * Returns the keys of the secret. Sealing keys and audit keys follow it while the process runs: one that is added or put in
 * force needs no restart, and an audit key that is not known yet is looked for at once. The digest key stays, since the
 * connections of the process hold it (`digest-key.ts`). `close` ends that.
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
  const { fingerprint, digestNik, digestRow } = current
  return {
    identity: {
      fingerprint,
      digestNik,
      digestRow,
      seal: (...args) => current.seal(...args),
      open: (...args) => current.open(...args),
      async auditKey(id) {
        const found = await current.auditKey(id)
        if (found !== null) return found
        await renew()
        return current.auditKey(id)
      },
      auditHeads: () => current.auditHeads()
    },
    close: () => clearInterval(timer)
  }
}
