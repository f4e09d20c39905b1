import type pg from 'pg'
import type { Identity } from '../identity/keys.ts'
import { foreseePlanned } from '../registry/foresee.ts'
import type { Batch } from './batch.ts'

/**
 * True if a planned batch applies a decision that would now harm a person in a way that the reviewer has not seen. Another
 * batch may have changed the same people or licence since the decision. @throws the errors of `foreseePlanned`
 */
export async function isUnforeseen(
  client: pg.ClientBase,
  { id, kind, asOf }: Batch,
  identity: Identity
): Promise<boolean> {
  if (kind !== 'decision') return false
  const { isHarmful, digest } = await foreseePlanned(client, id, identity, asOf as string)
  if (!isHarmful) return false
  const { rows } = await client.query<{ seen: string | null }>(
    'select effects_digest as seen from kki.decision where batch_id = $1',
    [id]
  )
  return rows[0]?.seen !== digest
}
