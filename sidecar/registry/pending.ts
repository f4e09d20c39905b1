import type pg from 'pg'
import { settlePlanner } from './planner.ts'

/**
 * Returns the rejections of KKI's pending rows that share an STR or a NIK with the batch's changes, by id, at most `limit`
 * after the rejection `after`. This includes a deactivation that was dismissed before it was urgent: its licence may
 * have come.
 */
export async function findAffected(
  client: pg.ClientBase,
  batchId: number,
  { after, limit }: { after: number; limit: number }
): Promise<number[]> {
  await settlePlanner(client)
  const { rows } = await client.query<{ id: number }>(
    `with changed as materialized (
      select r.str_number, h.nik_digest
      from kki.change c
      join sdmk.health_worker h on h.id = c.health_worker_id
      left join sdmk.registration r on r.id = c.registration_id
      -- If no row is pending, the changes are not read.
      where c.batch_id = $1 and exists (select from kki.rejection_occurrence where settled_by_batch_id is null)
      union all
      -- A deactivation that this batch rejected because its licence was unknown. Another batch brought the licence after the
      -- plan was made, and may have looked for pending rows before this one was applied. A batch of the kind retry may itself
      -- be such a second attempt: it leads to another only if the licence came while it was open, so that this ends.
      select d.subject, null
      from kki.rejection_occurrence o
      join kki.rejection d on d.id = o.rejection_id
      join kki.batch b on b.id = o.batch_id
      join sdmk.registration r on r.str_number = d.subject and r.profession = o.profession and r.erased_at is null
      where o.batch_id = $1 and o.settled_by_batch_id is null and not o.urgent and sdmk.is_urgent(o.status)
        and (b.kind <> 'retry' or exists (
          select from kki.change n join kki.batch m on m.id = n.batch_id
          where n.registration_id = r.id and m.id <> b.id and m.finished_at >= b.created_at
        ))
      union all
      -- A row that this batch rejected although a decision ties it to a person. The decision's batch was still open when this
      -- plan was made, and has ended since. A retry leads to another one only under the same condition as above.
      select d.subject, null
      from kki.rejection_occurrence o
      join kki.rejection d on d.id = o.rejection_id
      join kki.batch b on b.id = o.batch_id
      join kki.decision k on k.str_number = d.subject and kki.decision_fits(k, o.nik_digest, o.name_key, null)
      left join kki.batch e on e.id = k.batch_id
      where o.batch_id = $1 and o.settled_by_batch_id is null and kki.is_open(e.state) is not true
        and (b.kind <> 'retry' or e.finished_at >= b.created_at)
    )
    select d.id
    from (
      select o.rejection_id as id
      from changed c
      join kki.rejection_occurrence o on o.nik_digest = c.nik_digest and o.settled_by_batch_id is null
      union
      select d.id
      from changed c
      join kki.rejection d on d.subject = c.str_number and d.state in ('open', 'dismissed')
    ) found
    join kki.rejection d on d.id = found.id and d.source = 'kki' and d.id > $2
    where exists (
      select from kki.rejection_occurrence o
      -- A row without a stamp was never planned, and its content would be rejected again.
      where o.rejection_id = d.id and o.settled_by_batch_id is null and o.source_at is not null
        and (d.state = 'open' or (d.state = 'dismissed' and not d.urgent and sdmk.is_urgent(o.status)))
    )
    order by d.id limit $3`,
    [batchId, after, limit]
  )
  return rows.map(({ id }) => id)
}
