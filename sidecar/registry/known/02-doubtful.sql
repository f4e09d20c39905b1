-- Takes the known rows of batch $1 that must be looked at after all: whose registration has moved since, whose STR the batch
-- lists more than once, or of whose STR a person has decided or a refused row waits.
with known as materialized (
  select k.row_no, r.str_number
  from kki.staged_known k
  left join sdmk.registration r on r.id = k.registration_id and r.version = k.registration_version
  where k.batch_id = $1
), repeated as (
  select str_number
  from (
    select str_number from known
    union all
    select str_number from kki.staged_row where batch_id = $1
  ) listed
  group by str_number having count(*) > 1
)
delete from kki.staged_known k
using known
where k.batch_id = $1 and k.row_no = known.row_no
  and (
    known.str_number is null
    or known.str_number in (select str_number from repeated where str_number is not null)
    or known.str_number in (select str_number from kki.decision where withdrawn_at is null)
    or exists (select from kki.rejection d where d.state = 'open' and d.subject = known.str_number)
  )
returning k.row_no as "rowNo", k.page, k.page_row as "pageRow"
