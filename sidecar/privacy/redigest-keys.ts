import { ConfigurationError } from '../errors.ts'
import { createIdentity, type Identity, identitySecret, loadIdentity, newKey } from '../identity/keys.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'
import { changeKeys } from './reseal.ts'

/** Two identities with the same sealing keys: digests of the first are replaced by digests of the second. */
export interface DigestKeys {
  present: Identity
  next: Identity
}

/**
 * Returns the digest keys of the secret; `next` is null if no rotation has started.
 * @throws ConfigurationError if it has none
 */
export async function readDigestKeys(
  secrets: VersionedSecretStore
): Promise<{ present: Identity; next: Identity | null }> {
  await loadIdentity(secrets)
  const secret = (await secrets.read(identitySecret)) ?? {}
  const variable = secrets.variableOf?.(identitySecret)
  return {
    present: createIdentity(secret, variable),
    next: secret.digestKeyNext === undefined ? null : createIdentity(secret, variable, 'digestKeyNext')
  }
}

/**
 * Returns the digest keys, after adding the next one if it is missing.
 * @throws SecretChanged if the secret was changed meanwhile
 */
export async function addDigestKey(secrets: VersionedSecretStore): Promise<DigestKeys> {
  const { next } = await readDigestKeys(secrets)
  if (next === null) await changeKeys(secrets, secret => ({ ...secret, digestKeyNext: newKey() }))
  const keys = await readDigestKeys(secrets)
  if (keys.next === null) throw new ConfigurationError('nik-keys', 'lost the key that was added to it')
  return { present: keys.present, next: keys.next }
}

/** Replaces the former digest key by the next one, once the database uses the next one. */
export async function dropFormerDigestKey(secrets: VersionedSecretStore): Promise<void> {
  await changeKeys(secrets, ({ digestKeyNext, ...secret }) => ({
    ...secret,
    ...(digestKeyNext !== undefined && { digestKey: digestKeyNext })
  }))
}
