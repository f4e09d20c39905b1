-- reads: work
-- writes: work
-- Several rows of the batch can match one registration (STR and profession). If a person decided about one of the rows, that
-- row gets it. Otherwise, if all rows are of one person, the newest counts; if they are of several people, none gets it.
with claimed as (
  select row_no, str_number, profession, health_worker_id, rule, source_at, status, content_hash,
    rule = 0 or health_worker_id = any (array_agg(health_worker_id) filter (where rule = 0) over one_registration) as is_deciders
  from work
  where is_repeated and rule in (0, 3, 5) and outcome in ('created', 'linked', 'updated', 'unchanged')
  window one_registration as (partition by str_number, profession)
), claim as (
  select row_no, health_worker_id, rule,
    bool_or(rule = 0) over one_registration as is_decided,
    min(health_worker_id) over one_registration <> max(health_worker_id) over one_registration as is_contested,
    first_value(row_no) over winner as winner_row_no,
    first_value(health_worker_id) over winner as winner_id
  from claimed
  window
    one_registration as (partition by str_number, profession),
    winner as (
      partition by str_number, profession
      order by case when is_deciders then 0 else 1 end, source_at desc, sdmk.status_rank(status) desc, content_hash desc,
        row_no desc
    )
), judged as (
  select row_no, winner_row_no, health_worker_id,
    case
      when is_decided then row_no <> winner_row_no and health_worker_id is distinct from winner_id
      else is_contested
    end as is_rejected
  from claim
  where row_no <> winner_row_no or (is_contested and not is_decided)
)
update work w
set
  outcome = case when j.is_rejected then 'rejected' else 'superseded' end,
  code = case when j.is_rejected then 'STR_AMBIGUOUS' end,
  candidates = case when j.is_rejected then array[w.health_worker_id] end,
  winner_row_no = case when not j.is_rejected then j.winner_row_no end,
  urgent = j.is_rejected and sdmk.is_urgent(w.status)
from judged j
where w.row_no = j.row_no;
