import type pg from 'pg'
import { Pointer } from 'typebox/value'
import { recordAudit } from '../audit/record.ts'
import { auditSealFaults } from '../audit/seal-faults.ts'
import { holdIdentity } from '../identity/digest-key.ts'
import { SealFault } from '../identity/errors.ts'
import type { Identity } from '../identity/keys.ts'
import { openRow, type SealedRow } from '../identity/open-sealed.ts'
import { insertBatchRun } from '../sync/batch-run.ts'
import { IntegrationDisabled, RejectionNotRetriable } from '../sync/errors.ts'
import {
  type DeskCaller,
  type DeskContext,
  lockOpen,
  type Selected,
  type Selection,
  selectOpen
} from '../sync/open-rejections.ts'
import { queueFetch } from '../sync/run.ts'
import { readSetting } from '../sync/settings.ts'
import type { Mapping } from '../transform/mapping.ts'
import { canonicalStr } from '../transform/str-number.ts'

export interface Retried extends Selected {
  /** Null where there was nothing to ask for. */
  runId: number | null
  /** STRs that KKI is asked for. */
  asked: number
  /** Rejections that have no STR to ask for. */
  skipped: number
}

/** What KKI would spell an STR with is not longer. */
const longestSpelling = 64

/**
 * Queues a batch that asks KKI again for the STRs of open rejections, within the caller's transaction.
 * @throws IntegrationDisabled
 */
export async function retryRejections(
  client: pg.ClientBase,
  context: DeskContext,
  selection: Selection,
  caller: DeskCaller
): Promise<Retried> {
  if (!(await readSetting(client)).active) throw new IntegrationDisabled()
  // Before the rejections are locked, as a switch of the digest key has it.
  const identity = await holdIdentity(client, context.identity)
  const selected = await selectOpen(client, selection)
  const { skipped, strNumbers, faults } = await readStrNumbers(client, identity, context.mapping, selected.ids)
  await auditSealFaults(client, caller, faults)
  if (strNumbers.length === 0) return { ...selected, runId: null, asked: 0, skipped }
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
  await queueFetch(client, context.queue, batch.runId)
  await recordAudit(client, {
    ...caller,
    action: 'rejection.retried',
    runId: batch.runId,
    batchId: batch.id,
    detail: {
      rejectionIds: selected.ids,
      asked: strNumbers.length,
      skipped,
      ...(selection.code && { code: selection.code })
    }
  })
  return { ...selected, runId: batch.runId, asked: strNumbers.length, skipped }
}

/** Asks KKI again for one rejection. @throws RejectionNotFound, RejectionStateRefused, RejectionNotRetriable, IntegrationDisabled */
export async function retryRejection(
  client: pg.ClientBase,
  context: DeskContext,
  id: number,
  caller: DeskCaller
): Promise<Retried> {
  await holdIdentity(client, context.identity)
  const { strNumber } = await lockOpen(client, id)
  if (strNumber === null) throw new RejectionNotRetriable(id)
  return retryRejections(client, context, { ids: [id], limit: 1 }, caller)
}

interface StoredSpelling extends Omit<SealedRow, 'rawSealed'> {
  strNumber: string | null
  rawSealed: Buffer | null
}

/**
 * Returns each STR of the rejections once, as KKI spelled it where that is still known. Where the stored row does not fit its
 * rejection, KKI is asked for the STR as SDMK spells it.
 */
async function readStrNumbers(client: pg.ClientBase, identity: Identity, mapping: Mapping, ids: readonly number[]) {
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
  for (const row of rows) {
    const { strNumber } = row
    if (strNumber === null || asked.has(strNumber)) continue
    const spelled = spellingIn(identity, mapping, row, faults)
    const isUsable =
      typeof spelled === 'string' && spelled.length <= longestSpelling && canonicalStr(spelled) === strNumber
    asked.set(strNumber, isUsable ? spelled.trim() : strNumber)
  }
  return {
    strNumbers: [...asked].map(([strNumber, spelling]) => ({ strNumber, asked: spelling })),
    skipped: rows.filter(({ strNumber }) => strNumber === null).length,
    faults
  }
}

function spellingIn(
  identity: Identity,
  mapping: Mapping,
  { rawSealed, ...row }: StoredSpelling,
  faults: SealFault[]
): unknown {
  if (rawSealed === null) return undefined
  try {
    return Pointer.Get(JSON.parse(openRow(identity, { ...row, rawSealed })), mapping.fields.strNumber)
  } catch (error) {
    if (!(error instanceof SealFault)) throw error
    faults.push(error)
    return undefined
  }
}
