import type { FastifyBaseLogger } from 'fastify'
import type { SecretStore } from '../secrets/store.ts'
import { type IdentityKeys, loadIdentity } from './keys.ts'

/** How often the keys are read again: every process knows a new key after this time. */
export const keysReadEverySeconds = 30

/**
 * Returns the keys of the secret. Sealing keys and audit keys follow the secret while the process runs: a key that is added
 * or put in force needs no restart, and an unknown audit key makes the process read the secret at once. The digest key
 * stays, since the connections of the process hold its lock (`digest-key.ts`). `close` ends the following.
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
        // Logged once: the process continues with the keys that it has.
        if (!isFailing) logger.error({ err: error }, 'the keys of identity numbers cannot be read again')
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
