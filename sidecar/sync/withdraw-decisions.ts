import type { Transaction } from '../platform/database.ts'

/**
 * Withdraws the decisions of batches that end without being applied, within the caller's transaction: they have no effect,
 * and their rejections are open again.
 */
export async function withdrawDecisions(client: Transaction, batchIds: readonly number[]): Promise<void> {
  const { rows } = await client.query<{ id: number }>(
    `with withdrawn as (
      update kki.decision set withdrawn_at = now() where batch_id = any ($1::bigint[]) and withdrawn_at is null
      returning rejection_id
    )
    update kki.rejection
    set decided_at = null, decided_by = null, decision_reason = null, version = nextval('sdmk.version_seq')
    where state = 'open' and id in (select rejection_id from withdrawn)
    returning id`,
    [batchIds]
  )
  client.notifyOdoo({ rejections: rows.map(({ id }) => id) })
}
