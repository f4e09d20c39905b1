import type pg from 'pg'

/** The batch's new people and licences, against all that waits: for a batch that brings little. */
const byBrought = `with brought as materialized (
    select operation, health_worker_id, registration_id
    from kki.change where batch_id = $1 and operation in ('created', 'linked')
  ), by_nik as materialized (
    select o.rejection_id as id
    from brought c
    join sdmk.health_worker h on h.id = c.health_worker_id
    join kki.rejection_occurrence o on o.nik_digest = h.nik_digest and o.settled_by_batch_id is null
    where c.operation = 'created'
  ), by_str as materialized (
    select d.id
    from brought c
    join sdmk.registration r on r.id = c.registration_id
    join kki.rejection d on d.subject = r.str_number and d.state = 'open'
  )
  select id from by_nik union select id from by_str`

/** All that waits, against the registry: for a batch that brings more than there is that waits. */
const byWaiting = `select d.id
  from kki.rejection d
  where d.state = 'open' and d.source = 'kki' and d.code = 'STR_INACTIVE'
    and (
      exists (
        select from kki.rejection_occurrence o
        join sdmk.health_worker h on h.nik_digest = o.nik_digest
        join kki.change c on c.health_worker_id = h.id and c.batch_id = $1 and c.operation = 'created'
        where o.rejection_id = d.id and o.settled_by_batch_id is null
      )
      or exists (
        select from sdmk.registration r
        join kki.change c on c.registration_id = r.id and c.batch_id = $1 and c.operation in ('created', 'linked')
        where r.str_number = d.subject
      )
    )`

/**
 * Returns the open rejections of licences that were not active and of nobody known, whose person or licence the batch has
 * brought. They were refused for what was not known then: KKI may send an ending before what it ends.
 */
export async function findNowKnown(client: pg.ClientBase | pg.Pool, batchId: number): Promise<number[]> {
  const { rows: sides } = await client.query<{ isMuchBrought: boolean }>(
    `select b.created + b.linked > (
        select count(*) from kki.rejection d where d.state = 'open' and d.code = 'STR_INACTIVE'
      ) as "isMuchBrought"
    from kki.batch b where b.id = $1`,
    [batchId]
  )
  const { rows } = await client.query<{ id: number }>(
    `select d.id
    from (${sides[0]?.isMuchBrought ? byWaiting : byBrought}) found
    join kki.rejection d on d.id = found.id
    where d.state = 'open' and d.source = 'kki' and d.code = 'STR_INACTIVE'
      and exists (
        select from kki.rejection_occurrence o where o.rejection_id = d.id and o.settled_by_batch_id is null
      )
    order by d.id`,
    [batchId]
  )
  return rows.map(({ id }) => id)
}
