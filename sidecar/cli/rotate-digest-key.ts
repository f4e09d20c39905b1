import { Presets, SingleBar } from 'cli-progress'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import { lockDigestKey, readFingerprint } from '../identity/digest-key.ts'
import { DigestKeyUnknown, SealFault } from '../identity/errors.ts'
import { identitySecret } from '../identity/keys.ts'
import type { Database } from '../platform/database.ts'
import { counted } from '../platform/plural.ts'
import { type Redigested, type RedigestOptions, redigest } from '../privacy/redigest.ts'
import { addDigestKey, dropFormerDigestKey, readDigestKeys } from '../privacy/redigest-keys.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'
import { commandCaller } from './command.ts'

/** The result; null if an earlier call had replaced the digests, and this one only removed the former key. */
export interface DigestRotation {
  replaced: Redigested | null
}

/**
 * Digests the registry with a new key while no other process uses digests: adds the key to the secret, replaces all
 * digests in one transaction, and removes the former key. Resumable: if interrupted before the commit, nothing is
 * replaced, and the next call uses the added key; if interrupted after it, the next call removes the former key.
 *
 * @throws DigestKeyHeld while other processes run, DigestKeyUnknown, SealBroken, SealUnfit
 */
export async function rotateDigestKey(
  secrets: VersionedSecretStore,
  { withTransaction }: Pick<Database, 'withTransaction'>,
  options: RedigestOptions = {}
): Promise<DigestRotation> {
  const replaced = await withTransaction(async client => {
    await lockDigestKey(client)
    const { present, next } = await readDigestKeys(secrets)
    const inForce = await readFingerprint(client)
    if (next && inForce?.equals(next.fingerprint)) return null
    // A registry without digests starts with the next key.
    if (inForce !== null && !inForce.equals(present.fingerprint)) throw new DigestKeyUnknown()
    const done = await redigest(client, await addDigestKey(secrets), options)
    await recordAudit(client, { ...commandCaller(), action: 'keys.digest_rotated', detail: { ...done } })
    return done
  }).catch(async error => {
    if (error instanceof SealFault) {
      await withTransaction(client => auditSealFaults(client, commandCaller(), [error]))
    }
    throw error
  })
  await dropFormerDigestKey(secrets)
  // A store with versions, such as Vault, would still show the former key in an older version of the secret.
  await secrets.destroyFormer?.(identitySecret)
  return { replaced }
}

/** Writes the expected time to standard error after the first values, and then the progress. */
export async function withProgress<T>(work: (options: RedigestOptions) => Promise<T>): Promise<T> {
  const { stderr } = process
  const bar = new SingleBar(
    { format: ' digesting {bar} {percentage} %', stream: stderr, noTTYOutput: true, notTTYSchedule: 10_000 },
    Presets.shades_classic
  )
  const started = performance.now()
  const onProgress = (done: number, total: number) => {
    if (!bar.isActive) {
      const seconds = Math.ceil(((performance.now() - started) / 1000) * (total / done))
      stderr.write(
        `${counted(total, 'value')}: digesting takes about ${seconds} s, replacing the digests about as long.\n`
      )
      bar.start(total, 0)
    }
    bar.update(done)
  }
  return work({ onProgress }).finally(() => bar.stop())
}

export function linesOfDigestRotation({ replaced }: DigestRotation): string[] {
  const copy = 'Keep a new copy of the secret "nik-keys", and the former one as long as backups of its time.'
  if (replaced === null) return ['An earlier call replaced the digests; the former key is now removed.', copy]
  const lost = Object.entries(replaced.lost).map(
    ([table, count]) =>
      `${table}: ${count} digests cannot be replaced, because their values are no longer stored; they match nothing from now on`
  )
  return [`The new key is in use; ${replaced.digests} digests were replaced. Start the services.`, ...lost, copy]
}
