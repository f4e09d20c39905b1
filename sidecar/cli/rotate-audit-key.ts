import { readHead } from '../audit/head.ts'
import type { Head } from '../audit/link.ts'
import { recordAudit } from '../audit/record.ts'
import { identitySecret, loadIdentity, newKey } from '../identity/keys.ts'
import type { Database } from '../platform/database.ts'
import { changeKeys } from '../privacy/reseal.ts'
import { SecretChanged } from '../secrets/errors.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'
import { commandCaller } from './command.ts'

export interface AuditRotation {
  /** The key that signs now. */
  auditKeyId: number
  /** The end of the chain. A thief of the former key cannot forge the chain up to here. */
  head: Head | null
}

/**
 * Makes a new audit key the current one. Former keys stay, since they verify their own signatures. Services need no restart:
 * they read the secret again when a link names a key that they do not have.
 */
export async function rotateAuditKey(
  secrets: VersionedSecretStore,
  { withTransaction }: Pick<Database, 'withTransaction'>
): Promise<AuditRotation> {
  const present = await (await loadIdentity(secrets)).auditKey(null)
  if (present === null || present.id === 255) throw new SecretChanged(identitySecret)
  const auditKeyId = present.id + 1
  const head = await withTransaction(client => readHead(client))
  await changeKeys(secrets, secret => ({
    ...secret,
    ...(head && { [`auditHead${present.id}`]: `${head.seq}:${head.hash}` }),
    [`auditKey${auditKeyId}`]: newKey(),
    auditKeyId: String(auditKeyId)
  }))
  const rotation = { auditKeyId, head }
  await withTransaction(client =>
    recordAudit(client, { ...commandCaller(), action: 'keys.rotated', detail: { ...rotation } })
  )
  return rotation
}

export function linesOfAuditRotation({ auditKeyId, head }: AuditRotation): string[] {
  return [
    `Key ${auditKeyId} signs the audit within 30 seconds${head ? `; the chain ended at ${head.seq}:${head.hash}` : ''}.`,
    'Keep a new copy of the secret "nik-keys".'
  ]
}
