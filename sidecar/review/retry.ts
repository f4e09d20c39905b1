import type pg from 'pg'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import { SealFault } from '../identity/errors.ts'
import type { Identity } from '../identity/keys.ts'
import { openRow, type SealedRow } from '../identity/open-sealed.ts'
import type { Transaction } from '../platform/database.ts'
import { insertBatchRun } from '../sync/batch-run.ts'
import { IntegrationDisabled, RejectionNotRetriable } from '../sync/errors.ts'
import {
  lockRejection,
  type ReviewCaller,
  type ReviewContext,
  type Selected,
  type Selection,
  selectOpen
} from '../sync/open-rejections.ts'
import { createRun, queueFetch } from '../sync/run.ts'
import { readSetting } from '../sync/settings.ts'
import { compileSource } from '../transform/field-source.ts'
import { compileStamp } from '../transform/stamp.ts'
import { canonicalStr } from '../transform/str-number.ts'

export interface Retried extends Selected {
  /** Null if there was nothing to ask for. */
  runId: number | null
  /** STRs that KKI is asked for. */
  asked: number
  /** Rejections that have no STR to ask for. */
  skipped: number
}

/** KKI's spelling of an STR is not longer. */
const longestSpelling = 64

export interface RetryContext extends ReviewContext {
  /** True if the source has a request for the records of one STR. */
  canAskByStr: boolean
}

/**
 * Queues a run that asks KKI again for open rejections, within the caller's transaction. It asks for their STRs. If the source
 * has no such request, it asks for everything that changed since the oldest of their rows.
 * @throws IntegrationDisabled, RunOpen
 */
export async function retryRejections(
  client: Transaction,
  context: RetryContext,
  selection: Selection,
  caller: ReviewCaller
): Promise<Retried> {
  if (!(await readSetting(client)).active) throw new IntegrationDisabled()
  const selected = await selectOpen(client, selection)
  const { skipped, strNumbers, since, faults } = await readStrNumbers(client, context, selected.ids)
  await auditSealFaults(client, caller, faults)
  if (strNumbers.length === 0) return { ...selected, runId: null, asked: 0, skipped }
  const { runId, batchId } = context.canAskByStr
    ? await askByStr(client, context, strNumbers, caller)
    : await askByWindow(client, context, since, caller)
  await recordAudit(client, {
    ...caller,
    action: 'rejection.retried',
    runId,
    ...(batchId !== undefined && { batchId }),
    detail: {
      rejectionIds: selected.ids,
      asked: strNumbers.length,
      skipped,
      ...(selection.code && { code: selection.code })
    }
  })
  return { ...selected, runId, asked: strNumbers.length, skipped }
}

interface Asked {
  runId: number
  batchId: number | undefined
}

async function askByStr(
  client: Transaction,
  { queue }: RetryContext,
  strNumbers: readonly { strNumber: string; asked: string }[],
  caller: ReviewCaller
): Promise<Asked> {
  const batch = await insertBatchRun(client, {
    kind: 'retry',
    triggeredBy: caller.triggeredBy,
    caller
  })
  await client.query(
    `insert into kki.retry_item (batch_id, item_no, str_number, str_asked)
    select $1, i.item_no, i.str_number, i.str_asked
    from unnest($2::text[], $3::text[]) with ordinality i (str_number, str_asked, item_no)`,
    [batch.id, strNumbers.map(({ strNumber }) => strNumber), strNumbers.map(({ asked }) => asked)]
  )
  await queueFetch(client, queue, batch.runId)
  return { runId: batch.runId, batchId: batch.id }
}

/** A corrected row has a later time than the rejected row. If the rejected rows have no time, everything is fetched. */
async function askByWindow(
  client: Transaction,
  { queue, mapping }: RetryContext,
  since: number | null,
  caller: ReviewCaller
): Promise<Asked> {
  const request =
    since === null
      ? { mode: 'full' as const }
      : { mode: 'window' as const, changedSince: new Date(since), changedUntil: new Date() }
  const options = { triggeredBy: caller.triggeredBy, caller }
  const { runId, batchIds } = await createRun(client, queue, mapping, request, options)
  return { runId, batchId: batchIds[0] }
}

/**
 * Asks KKI again for one rejection.
 * @throws RejectionNotFound, RejectionStateConflict, RejectionNotRetriable, IntegrationDisabled, RunOpen
 */
export async function retryRejection(
  client: Transaction,
  context: RetryContext,
  id: number,
  caller: ReviewCaller
): Promise<Retried> {
  const { strNumber } = await lockRejection(client, id)
  if (strNumber === null) throw new RejectionNotRetriable(id)
  return retryRejections(client, context, { ids: [id], limit: 1 }, caller)
}

interface StoredSpelling extends Omit<SealedRow, 'rawSealed'> {
  strNumber: string | null
  rawSealed: Buffer | null
}

/**
 * Returns each STR of the rejections once, and the earliest time of their rows. An STR has KKI's spelling if that is still
 * stored. If the stored row does not belong to its rejection, it has the spelling of SDMK.
 */
async function readStrNumbers(client: pg.ClientBase, { identity, mapping }: ReviewContext, ids: readonly number[]) {
  const { rows } = await client.query<StoredSpelling>(
    `select r.str_number as "strNumber", r.source, r.subject, o.batch_id as "batchId", o.row_no as "rowNo",
      o.content_digest as "contentDigest", o.raw_sealed as "rawSealed"
    from kki.rejection r
    left join lateral (
      select o.batch_id, o.row_no, o.content_digest, o.raw_sealed from kki.rejection_occurrence o
      where o.rejection_id = r.id and o.raw_sealed is not null order by o.batch_id desc, o.row_no desc limit 1
    ) o on true
    where r.id = any ($1::bigint[]) order by r.id`,
    [ids]
  )
  const asked = new Map<string, string>()
  const faults: SealFault[] = []
  const spellingOf = compileSource(mapping.fields.strNumber)
  const stampOf = compileStamp(mapping)
  let since: number | null = null
  for (const row of rows) {
    const { strNumber } = row
    if (strNumber === null || asked.has(strNumber)) continue
    const record = openRecord(identity, row, faults)
    const spelled = spellingOf(record)
    const stamp = stampOf?.(record) ?? null
    if (stamp !== null) since = Math.min(stamp, since ?? stamp)
    const isUsable =
      typeof spelled === 'string' && spelled.length <= longestSpelling && canonicalStr(spelled) === strNumber
    asked.set(strNumber, isUsable ? spelled.trim() : strNumber)
  }
  return {
    strNumbers: [...asked].map(([strNumber, spelling]) => ({ strNumber, asked: spelling })),
    skipped: rows.filter(({ strNumber }) => strNumber === null).length,
    since,
    faults
  }
}

function openRecord(identity: Identity, { rawSealed, ...row }: StoredSpelling, faults: SealFault[]): unknown {
  if (rawSealed === null) return undefined
  try {
    return JSON.parse(openRow(identity, { ...row, rawSealed }))
  } catch (error) {
    if (!(error instanceof SealFault)) throw error
    faults.push(error)
    return undefined
  }
}
