import type pg from 'pg'
import { touch } from '../platform/touched.ts'
import type { Batch } from './batch.ts'

type Asking = Pick<Batch, 'id' | 'kind' | 'partition' | 'sourceProfessionsCovered'>

/**
 * Undone batches (`u`) whose window batch $1 (`b`) is to fetch again: of its own partition; all of them where it walks
 * all professions; and one over all professions until a batch of this profession has fetched that window. What a window
 * run fetches again is what lies wholly inside it.
 */
const undoneInScope = `kki.batch b
  join kki.batch u on u.state = 'undone' and u.refetched_by is null and u.id <> b.id
    and (kki.is_walk(u.kind) or (u.kind = 'retry' and u.window_until is not null))
    and (
      u.partition = b.partition or b.partition = '*'
      or ((u.partition = '*' or u.kind = 'retry') and not exists (
        select from kki.batch done
        where done.partition = b.partition and done.state in ('applied', 'discarded') and u.id = any (done.refetches)
          and (done.window_since is null or done.window_since <= u.window_since)
      ))
    )
    and (b.kind <> 'window' or (b.window_since <= u.window_since and b.window_until >= u.window_until))
  where b.id = $1 and kki.is_walk(b.kind) and b.source_professions_covered is null`

/** True where the batch fetches a window again that was undone: it then waits for a person. */
export async function hasUndoneWindow(client: pg.ClientBase, { id }: Asking): Promise<boolean> {
  const { rows } = await client.query(`select from ${undoneInScope} limit 1`, [id])
  return rows.length > 0
}

/**
 * Returns from when the batch must fetch so that undone windows are seen again: null where nothing was undone, and
 * `since: null` where one of them had no lower bound.
 */
export async function readUndoneSince(client: pg.ClientBase, { id }: Asking): Promise<{ since: Date | null } | null> {
  const { rows } = await client.query<{ count: number; since: Date | null }>(
    `select count(*) as count, case when bool_and(u.window_since is not null) then min(u.window_since) end as since
    from ${undoneInScope}`,
    [id]
  )
  return rows[0] && rows[0].count > 0 ? { since: rows[0].since } : null
}

/**
 * Notes what was undone when the plan of the batch is begun: what is undone while it is made may be in it as unchanged,
 * whenever either transaction began.
 */
export async function noteUndone(client: pg.ClientBase, { id }: Asking): Promise<void> {
  await client.query(
    `update kki.batch t set refetches = coalesce((select array_agg(u.id) from ${undoneInScope}), '{}') where t.id = $1`,
    [id]
  )
}

/** Forgets that: the batch was discarded, and what it fetched is to be fetched again. */
export async function forgetUndone(client: pg.ClientBase, { id }: Asking): Promise<void> {
  await client.query(`update kki.batch set refetches = '{}' where id = $1`, [id])
}

/**
 * Notes that a batch which was applied or discarded has fetched what was undone, so that no later one needs to. It must
 * have been planned after the undoing: an earlier plan took what was still there for unchanged.
 */
export async function markRefetched(client: pg.ClientBase, { id }: Asking): Promise<void> {
  const { rows } = await client.query<{ id: number }>(
    `update kki.batch t set refetched_by = $1, version = version + 1
    where t.id in (
      select u.id from ${undoneInScope}
        and (u.partition = b.partition or b.partition = '*') and u.id = any (b.refetches)
        and (b.kind = 'full' or b.window_since is null or b.window_since <= u.window_since)
    )
    returning t.id`,
    [id]
  )
  for (const undone of rows) touch(client, 'batches', undone.id)
}
