import type pg from 'pg'

/**
 * Returns the open rejections of licences that were not active and of nobody known, whose person or licence the batch has
 * brought. They were refused for what was not known then: KKI may send an ending before what it ends.
 */
export async function findNowKnown(client: pg.ClientBase | pg.Pool, batchId: number): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>(
    `select distinct d.id
    from kki.rejection d
    join kki.rejection_occurrence o on o.rejection_id = d.id and o.settled_by_batch_id is null
    where d.state = 'open' and d.source = 'kki' and d.code = 'STR_INACTIVE'
      and (
        exists (
          select from sdmk.health_worker h
          join kki.change c on c.health_worker_id = h.id and c.batch_id = $1 and c.operation = 'created'
          where h.nik_digest = o.nik_digest
        )
        or exists (
          select from sdmk.registration r
          join kki.change c on c.registration_id = r.id and c.batch_id = $1 and c.operation in ('created', 'linked')
          where r.str_number = d.str_number
        )
      )
    order by d.id`,
    [batchId]
  )
  return rows.map(({ id }) => id)
}
