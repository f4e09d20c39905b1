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
      'seal identity numbers and stored rows with a new key, or digest them or sign the audit with one; broken off, it goes on when called again'
    )
    .option(
      '--wait <seconds>',
      'how long running services may take to read the keys anew; 0 where none runs',
      wholeNumber(0, 86_400),
      2 * keysReadEverySeconds
    )
    .option('--forget', 'make no key; take the older ones out that no value needs any more')
    .addOption(
      new Option(
        '--digest',
        'rotate the key by which NIKs are found instead, in one step, while no service runs'
      ).conflicts(['forget'])
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
  /** The key that seals now. */
  sealKeyId: number
  resealed: number
  /** By table, what is still sealed with an older key. */
  left: Record<string, number>
  /** Values that do not fit where they stand, and stay as they are. */
  unfit: { column: string; row: string; fault: string }[]
  /** Older keys that were taken out. */
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
  // What was broken off is ended before there is another key.
  const isResealing = keys.next === null && Object.keys(await leftOf(keys.present)).length > 0
  if (!isResealing || keys.former.length === 0) {
    const id = keys.next ?? (await addSealKey(secrets))
    // Every process must be able to open what another seals with it.
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

/** A call of its own: a process that could not read the new key would seal with the older one all the while. */
async function forget(secrets: VersionedSecretStore, { withTransaction }: Transactions): Promise<Result> {
  const { present, former } = await readSealKeys(secrets)
  const left = await withTransaction(client => countOtherwiseSealed(client, present))
  const forgotten = Object.keys(left).length === 0 ? former : []
  if (forgotten.length > 0) await dropSealKeys(secrets, forgotten)
  const result = await record(withTransaction, { sealKeyId: present, resealed: 0, left, unfit: [], forgotten })
  // Also where nothing was taken out: an earlier call may have been broken off here. A rotation of the digest key that
  // is not finished needs no former version either.
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
    `Key ${sealKeyId} seals; ${counted(resealed, 'value')} sealed anew, ${counted(forgotten.length, 'older key')} taken out.`,
    ...rest,
    ...unfit.map(
      ({ column, row, fault }) => `${column} of ${row} does not fit its place (${fault}) and stays as it is.`
    ),
    unfit.length > 0
      ? 'Somebody changed the database: treat it as a security incident (docs/runbook.md#sealedvalueunfit).'
      : rest.length > 0
        ? 'Batches are under way; call again when they have ended.'
        : 'No value needs an older key. Keep a new copy of the secret "nik-keys".'
  ]
}
