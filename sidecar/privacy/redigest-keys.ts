import { ConfigurationError } from '../errors.ts'
import { createIdentity, type Identity, identitySecret, loadIdentity, newKey } from '../identity/keys.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'
import { changeKeys } from './reseal.ts'

/** Two identities with the same sealing keys: what is digested with the one is to be digested with the other. */
export interface DigestKeys {
  present: Identity
  next: Identity
}

/** Returns the digest keys of the secret; `next` null where no rotation has begun. @throws ConfigurationError where it has none */
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

/** Returns the digest keys, after adding the next one where there is none. @throws SecretChanged where somebody else changed them */
export async function addDigestKey(secrets: VersionedSecretStore): Promise<DigestKeys> {
  const { next } = await readDigestKeys(secrets)
  if (next === null) await changeKeys(secrets, secret => ({ ...secret, digestKeyNext: newKey() }))
  const keys = await readDigestKeys(secrets)
  if (keys.next === null) throw new ConfigurationError('nik-keys', 'lost the key that was added to it')
  return { present: keys.present, next: keys.next }
}

/** Puts the next digest key in the place of the former, which nothing needs once the database has switched. */
export async function dropFormerDigestKey(secrets: VersionedSecretStore): Promise<void> {
  await changeKeys(secrets, ({ digestKeyNext, ...secret }) => ({
    ...secret,
    ...(digestKeyNext !== undefined && { digestKey: digestKeyNext })
  }))
}
