import type pg from 'pg'
import { settlePlanner } from './planner.ts'
import { inPartitions } from './sql.ts'

/** STR numbers that batch `$1` brought, and the NIKs of whom it created; of its plan and rows, where they are still there. */
const broughtByPlan = `select case when p.outcome <> 'superseded' then s.str_number end as str_number,
    case when p.health_worker_id in (
      select n.health_worker_id from kki.plan_row n where n.batch_id = $1 and n.outcome = 'created'
    ) then s.nik_digest end as nik_digest
  from kki.plan_row p
  join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
  where p.batch_id = $1 and p.outcome in ('created', 'linked', 'superseded')`

/** The same by its change records: each of them leads to two places of the registry. */
const broughtByChanges = `select r.str_number, case when c.operation = 'created' then h.nik_digest end as nik_digest
  from kki.change c
  join sdmk.health_worker h on h.id = c.health_worker_id
  left join sdmk.registration r on r.id = c.registration_id
  where c.batch_id = $1 and c.operation in ('created', 'linked')`

/**
 * Returns the rejections whose person, licence or NIK the batch has brought, within the caller's transaction: open ones of
 * rows that were refused for what was not known then (KKI may send an ending before what it ends, and of a known licence an
 * ending counts whatever else is wrong with its row), and dismissed ones of endings of somebody unknown.
 */
export async function findNowKnown(client: pg.ClientBase, batchId: number): Promise<number[]> {
  await settlePlanner(client)
  const { rows: staging } = await client.query<{ isThere: boolean }>(
    'select to_regclass($1) is not null as "isThere"',
    [`kki.plan_row_${batchId}`]
  )
  const brought = staging[0]?.isThere ? inPartitions(broughtByPlan, batchId) : broughtByChanges
  const { rows } = await client.query<{ id: number }>(
    `with brought as materialized (
      ${brought}
      union all
      -- Somebody known whose NIK it brought.
      select null, h.nik_digest from kki.change c join sdmk.health_worker h on h.id = c.health_worker_id
      where c.batch_id = $1 and c.health_worker_before ? 'nik_digest'
    ), by_nik as materialized (
      select o.rejection_id as id
      from brought b
      join kki.rejection_occurrence o on o.nik_digest = b.nik_digest and o.settled_by_batch_id is null
    ), by_str as materialized (
      select d.id
      from brought b
      join kki.rejection d on d.subject = b.str_number and d.state = 'open'
      union all
      select d.id
      from brought b
      join kki.rejection d
        on d.source = 'kki' and d.subject = b.str_number and d.code = 'STR_INACTIVE' and d.state = 'dismissed'
    )
    select d.id
    from (select id from by_nik union select id from by_str) found
    join kki.rejection d on d.id = found.id
    where d.source = 'kki' and (d.state = 'open' or (d.state = 'dismissed' and d.code = 'STR_INACTIVE'))
      and d.code in ('STR_INACTIVE', 'SCHEMA_INVALID', 'NIK_INVALID', 'NAME_MISSING', 'DATE_INVALID', 'PROFESSION_UNKNOWN')
      and exists (
        select from kki.rejection_occurrence o
        -- A row that could be read but for its faults; of one without a stamp nothing can be used.
        where o.rejection_id = d.id and o.settled_by_batch_id is null and o.source_at is not null
      )
    order by d.id`,
    [batchId]
  )
  return rows.map(({ id }) => id)
}
