-- reads: kki.batch, kki.decision, sdmk.health_worker, sdmk.registration, staged_row, work
-- writes: work
-- Rule 0: a decision assigns the rows of this STR and NIK to a known or a new person. If two decisions claim one
-- registration, the later one counts. Until the batch of a decision has ended, that batch alone acts by it: it is put on hold
-- if the decision has become harmful, and rows of other batches must not bypass that.
with decided as (
  select w.row_no, w.str_number, w.profession, w.source_at, w.content_hash, w.status,
    sdmk.is_overruled(w.source_at, w.status, w.source_status, r.source_at, r.stated_status, r.source_status) as says_less,
    d.id as decision_id, d.health_worker_id, r.id as registration_id, r.version as registration_version,
    r.health_worker_id as holder_id, r.content_hash as stored_hash, r.source_at as stored_at, r.status as stored_status,
    n.id is not null and n.id is distinct from d.health_worker_id as nik_is_anothers,
    coalesce(rival.id > d.id and r.health_worker_id is distinct from d.health_worker_id, false) as is_overruled
  from (
    -- Few rows have a decision; each of these is compared with its decisions.
    select * from work where str_number in (select str_number from kki.decision where withdrawn_at is null)
  ) w
  cross join lateral (
    select * from kki.decision d
    where d.str_number = w.str_number and kki.decision_fits(d, w.nik_digest, w.name_key, w.birth_date)
      and not exists (
        select from kki.batch b
        where b.id = d.batch_id and kki.is_open(b.state) and b.id <> (select batch_id from staged_row limit 1)
      )
    order by d.id desc limit 1
  ) d
  left join sdmk.registration r on r.str_number = w.str_number and r.profession = w.profession
  left join sdmk.health_worker n on n.nik_digest = w.nik_digest
  left join lateral (
    select max(e.id) as id from kki.decision e
    where e.str_number = w.str_number and e.health_worker_id = r.health_worker_id and e.withdrawn_at is null
  ) rival on true
  where not w.deactivation_only
), ranked as (
  select decided.*,
    is_overruled or first_value(decision_id) over latest <> decision_id as is_rejected,
    first_value(row_no) over latest as winner_row_no
  from decided
  window latest as (
    partition by str_number, profession order by is_overruled, decision_id desc, source_at desc, sdmk.status_rank(status) desc, content_hash desc, row_no desc
  )
), led as (
  select ranked.*,
    case when health_worker_id is null then
      min(row_no) filter (where not is_rejected and row_no = winner_row_no) over (partition by decision_id)
    end as creator_row_no
  from ranked
)
update work w
set
  rule = 0,
  decision_id = l.decision_id,
  health_worker_id = l.health_worker_id,
  registration_id = case when not l.is_rejected and l.row_no = l.winner_row_no then l.registration_id end,
  registration_version = case when not l.is_rejected and l.row_no = l.winner_row_no then l.registration_version end,
  leader_row_no = case when l.creator_row_no <> l.row_no then l.creator_row_no end,
  winner_row_no = case when not l.is_rejected and l.row_no <> l.winner_row_no then l.winner_row_no end,
  outcome = case
    when l.is_rejected then 'rejected'
    when l.row_no <> l.winner_row_no then 'superseded'
    when l.creator_row_no = l.row_no then 'created'
    when l.registration_id is null then 'linked'
    when l.holder_id = l.health_worker_id and (l.stored_hash = l.content_hash or l.says_less) then 'unchanged'
    else 'updated'
  end,
  code = case when l.is_rejected then 'STR_AMBIGUOUS' end,
  candidates = case when l.is_rejected then
    (select array_agg(distinct c order by c) from unnest(array[l.health_worker_id, l.holder_id]) c where c is not null)
  end,
  urgent = sdmk.is_urgent(l.status) and (l.is_rejected or coalesce(
    l.row_no = l.winner_row_no and l.holder_id = l.health_worker_id and l.source_at < l.stored_at and l.stored_status = 'active',
    false)),
  warnings = array_remove(array[
    case when not l.is_rejected and l.holder_id = l.health_worker_id and l.source_at < l.stored_at then 'STALE' end,
    case when l.nik_is_anothers then 'NIK_IGNORED' end
  ], null)
from led l
where w.row_no = l.row_no;
