-- Rule 1: rows of one STR that are one person: within each profession the newest counts, and of equal stamps the row that
-- deactivates.
update work w
set outcome = 'superseded', rule = 1, winner_row_no = ranked.winner_row_no
from (
  select r.row_no, first_value(r.row_no) over newest as winner_row_no
  from work r join str_group g on g.str_number = r.str_number and g.is_one_person
  where r.outcome is null and not r.is_apart
  window newest as (
    partition by r.str_number, r.profession order by r.source_at desc, sdmk.status_rank(r.status) desc, r.content_hash desc, r.row_no desc
  )
) ranked
where w.outcome is null and w.row_no = ranked.row_no and w.row_no <> ranked.winner_row_no;
