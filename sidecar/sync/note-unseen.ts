import type pg from 'pg'
import { type BatchKind, walkKinds } from '../batch-terms.ts'
import { recordMissed, recordSeen } from '../registry/unseen.ts'
import type { Batch } from './batch.ts'
import { allProfessions } from './watermark.ts'

/** Kinds of batches whose rows KKI has just sent. */
const showsKki: BatchKind[] = [...walkKinds, 'retry']

/**
 * Keeps account of the registrations that KKI no longer lists, within the transaction that applies the batch: any batch
 * may show one again, and a full one counts those of its profession that it does not show. The last batch of a full run
 * answers for the professions that its siblings did not walk. What it alone shows of theirs (a licence under another word
 * for its profession) counts as missed once where it is applied before them, and as seen with the next run: never twice.
 */
export async function noteUnseen(client: pg.ClientBase, batch: Batch): Promise<void> {
  if (!showsKki.includes(batch.kind)) return
  await recordSeen(client, batch.id)
  if (batch.kind !== 'full' || batch.fetchStartedAt === null) return
  const isRest = batch.partition === allProfessions
  await recordMissed(client, batch.id, {
    professions: isRest ? null : [batch.partition],
    except: isRest ? await siblingProfessions(client, batch) : [],
    since: batch.fetchStartedAt
  })
}

async function siblingProfessions(client: pg.ClientBase, { id, runId }: Batch): Promise<string[]> {
  const { rows } = await client.query<{ partition: string }>(
    'select partition from kki.batch where run_id = $1 and id <> $2',
    [runId, id]
  )
  return rows.map(({ partition }) => partition)
}
