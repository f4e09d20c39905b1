import { type Caller, recordAudit } from '../audit/record.ts'
import type { Transaction } from '../platform/database.ts'
import { lockOpen, type Selected, type Selection, selectOpen } from '../sync/open-rejections.ts'

/** Takes rejections off the desk until their rows change, within the caller's transaction. */
export async function dismissRejections(
  client: Transaction,
  selection: Selection,
  reason: string,
  caller: Caller
): Promise<Selected> {
  const selected = await selectOpen(client, selection)
  if (selected.ids.length === 0) return selected
  await client.query(
    `update kki.rejection
    set state = 'dismissed', decided_at = now(), decided_by = $2, decision_reason = $3, version = nextval('sdmk.version_seq')
    where id = any ($1::bigint[])`,
    [selected.ids, caller.actor, reason]
  )
  client.notifyOdoo({ rejections: selected.ids })
  await recordAudit(client, {
    ...caller,
    action: 'rejection.dismissed',
    detail: { reason, rejectionIds: selected.ids, ...(selection.code && { code: selection.code }) }
  })
  return selected
}

/** Dismisses one rejection. @throws RejectionNotFound, RejectionStateRefused */
export async function dismissRejection(client: Transaction, id: number, reason: string, caller: Caller): Promise<void> {
  await lockOpen(client, id)
  await dismissRejections(client, { ids: [id], limit: 1 }, reason, caller)
}
