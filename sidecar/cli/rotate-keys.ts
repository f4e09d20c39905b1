import { setTimeout as wait } from 'node:timers/promises'
import { Presets, SingleBar } from 'cli-progress'
import { Command, Option } from 'commander'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import { holdDigestKey } from '../identity/digest-key.ts'
import type { SealFault } from '../identity/errors.ts'
import { keysReadEverySeconds } from '../identity/follow-keys.ts'
import { identitySecret, loadIdentity } from '../identity/keys.ts'
import type { Database } from '../platform/database.ts'
import { counted, plural } from '../platform/plural.ts'
import { addSealKey, countOtherwiseSealed, dropSealKeys, readSealKeys, reseal, useSealKey } from '../privacy/reseal.ts'
import type { VersionedSecretStore } from '../secrets/store.ts'
import { withOwner } from './as-owner.ts'
import { commandCaller, print, withDatabase } from './command.ts'
import { linesOfAuditRotation, rotateAuditKey } from './rotate-audit-key.ts'
import { linesOfDigestRotation, rotateDigestKey, withProgress } from './rotate-digest-key.ts'
import { wholeNumber } from './values.ts'
import { withSecret } from './with-secret.ts'

interface RotateOptions {
  wait: number
  forget?: boolean
  digest?: boolean
  audit?: boolean
  json?: boolean
}

/** Returns `sdmk keys rotate`. */
export function rotateCommand(): Command {
  return new Command('rotate')
    .description(
      'replace the key that seals identity numbers and stored rows, digests them or signs the audit; resumable: run it again after an interruption'
    )
    .option(
      '--wait <seconds>',
      'time that running services may take to read the keys again; 0 if none runs',
      wholeNumber(0, 86_400),
      2 * keysReadEverySeconds
    )
    .option('--forget', 'create no key; remove older keys that no value needs any more')
    .addOption(
      new Option('--digest', 'rotate the key that digests NIKs instead, in one step, while no service runs').conflicts([
        'forget'
      ])
    )
    .addOption(
      new Option('--audit', 'rotate the key that signs the audit chain instead; former ones stay').conflicts([
        'forget',
        'digest'
      ])
    )
    .option('--json', 'print the result as JSON')
    .action(({ wait: seconds, forget: isForgetting, digest: isOfDigests, audit: isOfAudit, json }: RotateOptions) =>
      withDatabase(({ config, logger, database: { ownerUrl } }) =>
        withSecret(config, identitySecret, async secrets => {
          if (isOfAudit) {
            const rotation = await withOwner(ownerUrl, logger, database => rotateAuditKey(secrets, database))
            return print(json, rotation, linesOfAuditRotation(rotation))
          }
          if (isOfDigests) {
            const rotation = await withOwner(ownerUrl, logger, database =>
              withProgress(options => rotateDigestKey(secrets, database, options))
            )
            return print(json, rotation, linesOfDigestRotation(rotation))
          }
          const identity = await loadIdentity(secrets)
          const result = await withOwner(
            ownerUrl,
            logger,
            database => (isForgetting ? forget(secrets, database) : rotate(secrets, database, seconds * 1000)),
            { onConnect: client => holdDigestKey(client, identity) }
          )
          print(json, result, linesOf(result))
        })
      )
    )
}

interface Result {
  /** The key that seals new values. */
  sealKeyId: number
  resealed: number
  /** Number of values that are still sealed with an older key, by table. */
  left: Record<string, number>
  /** Values that belong to another row or field; they stay unchanged. */
  unfit: { column: string; row: string; fault: string }[]
  /** Older keys that were removed. */
  forgotten: number[]
}

type Transactions = Pick<Database, 'withTransaction'>

async function rotate(
  secrets: VersionedSecretStore,
  { withTransaction }: Transactions,
  pauseMs: number
): Promise<Result> {
  const leftOf = (keyId: number) => withTransaction(client => countOtherwiseSealed(client, keyId))
  const keys = await readSealKeys(secrets)
  // An interrupted rotation is finished before another key is created.
  const isResealing = keys.next === null && Object.keys(await leftOf(keys.present)).length > 0
  if (!isResealing || keys.former.length === 0) {
    const id = keys.next ?? (await addSealKey(secrets))
    // Every process must be able to open the values that another one seals with the new key.
    await wait(pauseMs)
    await useSealKey(secrets, id)
  }
  await wait(pauseMs)
  const bar = new SingleBar(
    { format: ' sealing {bar} {percentage} %', stream: process.stderr, noTTYOutput: false },
    Presets.shades_classic
  )
  const { present } = await readSealKeys(secrets)
  const { resealed, faults } = await reseal(withTransaction, await loadIdentity(secrets), present, {
    onProgress(done, total) {
      if (!bar.isActive) bar.start(total, 0)
      bar.update(done)
    }
  }).finally(() => bar.stop())
  const unfit = faults.map(({ column, row, fault }) => ({ column, row, fault }))
  if (unfit.length > 0) process.exitCode = 1
  const result = { sealKeyId: present, resealed, left: await leftOf(present), unfit, forgotten: [] }
  return record(withTransaction, result, faults)
}

/** A separate call, because a process that could not read the new key would still seal with the older one. */
async function forget(secrets: VersionedSecretStore, { withTransaction }: Transactions): Promise<Result> {
  const { present, former } = await readSealKeys(secrets)
  const left = await withTransaction(client => countOtherwiseSealed(client, present))
  const forgotten = Object.keys(left).length === 0 ? former : []
  if (forgotten.length > 0) await dropSealKeys(secrets, forgotten)
  const result = await record(withTransaction, { sealKeyId: present, resealed: 0, left, unfit: [], forgotten })
  // Also if nothing was removed, since an earlier call may have been interrupted here. An unfinished rotation of the digest
  // key does not need the former version either.
  if (Object.keys(left).length === 0) await secrets.destroyFormer?.(identitySecret)
  return result
}

async function record(
  withTransaction: Transactions['withTransaction'],
  result: Result,
  faults: readonly SealFault[] = []
): Promise<Result> {
  const { unfit, ...counts } = result
  const caller = commandCaller()
  await withTransaction(async client => {
    await auditSealFaults(client, caller, faults)
    const detail = { ...counts, unfit: unfit.length }
    await recordAudit(client, { ...caller, action: 'keys.rotated', detail })
  })
  return result
}

function linesOf({ sealKeyId, resealed, left, unfit, forgotten }: Result): string[] {
  const rest = Object.entries(left).map(
    ([table, count]) =>
      `${table}: ${counted(count, 'value')} ${plural(count, 'is', 'are')} still sealed with an older key`
  )
  return [
    `Key ${sealKeyId} is in use; ${counted(resealed, 'value')} resealed, ${counted(forgotten.length, 'older key')} removed.`,
    ...rest,
    ...unfit.map(
      ({ column, row, fault }) => `${column} of ${row} belongs to another row or field (${fault}) and stays unchanged.`
    ),
    unfit.length > 0
      ? 'Somebody changed the database: treat it as a security incident (docs/operate/runbook.md#sealedvalueunfit).'
      : rest.length > 0
        ? 'Batches are under way; run the command again when they have ended.'
        : 'No value needs an older key. Keep a new copy of the secret "nik-keys".'
  ]
}
