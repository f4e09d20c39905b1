import pg from 'pg'
import { type Caller, recordAudit } from '../audit/record.ts'
import type { Transaction } from '../platform/database.ts'
import { RejectionOpenAgain } from '../sync/errors.ts'
import { lockRejection, type Selected, type Selection, selectOpen } from '../sync/open-rejections.ts'

/** Dismisses rejections until their rows change, within the caller's transaction. */
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

/** Dismisses one rejection. @throws RejectionNotFound, RejectionStateConflict */
export async function dismissRejection(client: Transaction, id: number, reason: string, caller: Caller): Promise<void> {
  await lockRejection(client, id)
  await dismissRejections(client, { ids: [id], limit: 1 }, reason, caller)
}

/** Puts a dismissed rejection back into the queue. @throws RejectionNotFound, RejectionStateConflict, RejectionOpenAgain */
export async function reopenRejection(
  client: Transaction,
  id: number,
  reason: string | undefined,
  caller: Caller
): Promise<void> {
  const { source, subject, code } = await lockRejection(client, id, 'dismissed')
  const { rows } = await client.query<{ id: number }>(
    `select id from kki.rejection where state = 'open' and source = $1 and subject = $2 and code = $3`,
    [source, subject, code]
  )
  if (rows[0]) throw new RejectionOpenAgain(id, rows[0].id)
  try {
    await client.query(
      `update kki.rejection
      set state = 'open', decided_at = null, decided_by = null, decision_reason = null, version = nextval('sdmk.version_seq')
      where id = $1`,
      [id]
    )
  } catch (error) {
    // A concurrent batch has opened a rejection of the same row.
    if (error instanceof pg.DatabaseError && error.code === '23505') throw new RejectionOpenAgain(id)
    throw error
  }
  client.notifyOdoo({ rejections: [id] })
  await recordAudit(client, {
    ...caller,
    action: 'rejection.reopened',
    detail: { rejectionIds: [id], code, ...(reason !== undefined && { reason }) }
  })
}
