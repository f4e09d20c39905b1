-- Rule 5 can lead several rows of the batch to one STR and profession. Rows of one person: the newest counts. Rows of
-- several people where nobody holds it yet: none of them may have it.
with claim as (
  select row_no,
    min(health_worker_id) over one_registration <> max(health_worker_id) over one_registration as is_contested,
    first_value(row_no) over (one_registration order by source_at desc, content_hash desc, row_no desc) as winner_row_no
  from work
  where rule = 5 and outcome in ('linked', 'updated', 'unchanged')
  window one_registration as (partition by str_number, profession)
)
update work w
set
  outcome = case when c.is_contested then 'rejected' else 'superseded' end,
  code = case when c.is_contested then 'STR_AMBIGUOUS' end,
  candidates = case when c.is_contested then array[w.health_worker_id] end,
  winner_row_no = case when not c.is_contested then c.winner_row_no end,
  urgent = c.is_contested and w.status in ('suspended', 'inactive', 'revoked', 'deceased')
from claim c
where w.row_no = c.row_no and (c.is_contested or c.winner_row_no <> w.row_no);
