import { Presets, SingleBar } from 'cli-progress'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import { holdIdentity } from '../identity/digest-key.ts'
import { SealFault } from '../identity/errors.ts'
import { identitySecret, loadIdentity } from '../identity/keys.ts'
import type { Database } from '../platform/database.ts'
import { fillNextDigests, forgetNextDigests } from '../privacy/redigest-fill.ts'
import { addDigestKey, dropFormerDigestKey, readDigestKeys } from '../privacy/redigest-keys.ts'
import { type Switched, switchDigestKey } from '../privacy/redigest-switch.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'
import { commandCaller } from './command.ts'

/** What the switch did; null where an earlier call had made it, and this one ended what was left. */
export interface DigestRotation {
  switched: Switched | null
}

/**
 * Digests the registry with a new key: adds it to the secret, fills what each digest will be, switches, and takes the former
 * key out. Broken off after any of these, it goes on when called again. Nobody need wait for running services to read
 * the secret: the database tells them which key is in force, and one that does not know it looks for it.
 *
 * @throws DigestKeyHeld, SealBroken, SealUnfit; DigestKeyUnknown where the registry was made with none of the secret's keys
 */
export async function rotateDigestKey(
  secrets: VersionedSecretStore,
  database: Pick<Database, 'withTransaction'>
): Promise<DigestRotation> {
  const keys = await loadIdentity(secrets)
  const inForce = await database.withTransaction(client => holdIdentity(client, keys))
  const { next } = await readDigestKeys(secrets)
  const isSwitched = next?.fingerprint.equals(inForce.fingerprint) ?? false
  const switched = isSwitched
    ? null
    : await fillAndSwitch(secrets, database).catch(async error => {
        if (error instanceof SealFault) {
          await database.withTransaction(client => auditSealFaults(client, commandCaller(), [error]))
        }
        throw error
      })
  await forgetNextDigests(database)
  await dropFormerDigestKey(secrets)
  // A store with versions, such as Vault, would go on showing the former key to whoever may read the secret.
  await secrets.destroyFormer?.(identitySecret)
  return { switched }
}

async function fillAndSwitch(
  secrets: VersionedSecretStore,
  database: Pick<Database, 'withTransaction'>
): Promise<Switched | null> {
  const keys = await addDigestKey(secrets)
  const bar = new SingleBar(
    { format: ' digesting {bar} {percentage} %', stream: process.stderr, noTTYOutput: false },
    Presets.shades_classic
  )
  const onProgress = (done: number, total: number) => {
    if (!bar.isActive) bar.start(total, 0)
    bar.update(done)
  }
  await fillNextDigests(database, keys, { onProgress }).finally(() => bar.stop())
  return switchDigestKey(database, keys, {
    andThen: (client, switched) =>
      recordAudit(client, { ...commandCaller(), action: 'keys.digest_rotated', detail: { ...switched } })
  })
}

export function linesOfDigestRotation({ switched }: DigestRotation): string[] {
  const copy = 'Keep a new copy of the secret "nik-keys", and the former one as long as backups of its time.'
  if (switched === null) return ['The digest key had been switched before; the former one is taken out.', copy]
  const lost = Object.entries(switched.lost).map(
    ([table, count]) =>
      `${table}: of ${count} digests nothing is kept that they were made of; they match nothing from now on`
  )
  const seconds = (switched.blockedMs / 1000).toFixed(1)
  return [
    `A new key digests; ${switched.digests} digests were replaced, and nobody could write for ${seconds} s.`,
    ...lost,
    copy
  ]
}
