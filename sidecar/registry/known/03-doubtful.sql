-- Takes the known rows of batch $1 that must be looked at after all: whose registration has moved since, whose STR the batch
-- lists more than once, or of whose STR a person has decided or a refused row waits.
with repeated as (
  select str_number
  from (
    select str_number from known
    union all
    select str_number from kki.staged_row where batch_id = $1
  ) listed
  group by str_number having count(*) > 1
), doubtful as materialized (
  select page, page_row, row_no, str_number
  from known
  where str_number is null
    or str_number in (select str_number from repeated where str_number is not null)
    or str_number in (select str_number from kki.decision where withdrawn_at is null)
    or exists (select from kki.rejection d where d.state = 'open' and d.subject = known.str_number)
), taken as (
  update kki.staged_known p
  set page_rows = kept.page_rows, row_nos = kept.row_nos, registration_ids = kept.registration_ids,
    registration_versions = kept.registration_versions, warnings = kept.warnings
  from (
    select k.page,
      coalesce(array_agg(k.page_row) filter (where d.row_no is null), '{}') as page_rows,
      coalesce(array_agg(k.row_no) filter (where d.row_no is null), '{}') as row_nos,
      coalesce(array_agg(k.registration_id) filter (where d.row_no is null), '{}') as registration_ids,
      coalesce(array_agg(k.registration_version) filter (where d.row_no is null), '{}') as registration_versions,
      array_agg(k.warning) filter (where d.row_no is null) as warnings
    from known k
    left join doubtful d on d.row_no = k.row_no
    where k.page in (select page from doubtful)
    group by k.page
  ) kept
  where p.batch_id = $1 and p.page = kept.page
), forgotten as (
  delete from known where row_no in (select row_no from doubtful)
)
select row_no as "rowNo", page, page_row as "pageRow", str_number is null as "hasMoved" from doubtful
