import type { FastifyBaseLogger } from 'fastify'
import { ConfigurationError } from '../errors.ts'
import type { SecretStore } from '../secrets/store.ts'
import { createIdentity, type Identity, identitySecret, loadIdentity } from './identity.ts'

/** How often the keys are read anew: a new key is known to every process within this. */
export const keysReadEverySeconds = 30

/**
 * Returns the identity of the secret, which follows it while the process runs: a sealing key that is added or put in force
 * needs no restart. `close` ends that. A digest key that changes is not followed, since half of the registry would no longer
 * match the other.
 *
 * @throws what `loadIdentity` throws
 */
export async function followIdentity(
  secrets: SecretStore,
  logger: FastifyBaseLogger
): Promise<{ identity: Identity; close(): void }> {
  let current = await loadIdentity(secrets)
  const digestKey = (await secrets.read(identitySecret))?.digestKey
  let isFailing = false
  const renew = async () => {
    const secret = await secrets.read(identitySecret)
    if (secret === null) throw new ConfigurationError('nik-keys', 'is gone')
    if (secret.digestKey !== digestKey)
      throw new ConfigurationError('nik-keys', 'has another digestKey than at the start')
    current = createIdentity(secret, secrets.variableOf?.(identitySecret))
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
  return {
    identity: {
      digestNik: nik => current.digestNik(nik),
      digestRow: raw => current.digestRow(raw),
      seal: (purpose, value) => current.seal(purpose, value),
      open: (purpose, sealed) => current.open(purpose, sealed)
    },
    close: () => clearInterval(timer)
  }
}
