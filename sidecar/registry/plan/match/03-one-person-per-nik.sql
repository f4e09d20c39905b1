-- reads: sdmk.health_worker, str_group, work
-- writes: nik_claim, work
-- Rows of the batch may bring a NIK to known people who lack one. Each person gets one NIK, and each NIK one person:
-- decisions first, then the oldest claim. The other claims contradict these.
create temp table nik_claim on commit drop as
with claim as (
  select w.row_no, h.id as health_worker_id, coalesce(w.nik_digest, g.nik_digest) as nik_digest,
    w.rule, w.source_at, w.content_hash
  from work w
  join sdmk.health_worker h on h.id = w.health_worker_id and h.nik_digest is null
  left join str_group g on g.str_number = w.str_number and not w.is_apart
  where w.outcome in ('linked', 'updated', 'unchanged') and not w.deactivation_only
    and coalesce(w.nik_digest, g.nik_digest) is not null
    and not coalesce('NIK_IGNORED' = any (w.warnings), false)
)
select row_no, health_worker_id, nik_digest,
  first_value(nik_digest) over (partition by health_worker_id order by rule <> 0, source_at, content_hash, row_no) as first_nik,
  first_value(health_worker_id) over (partition by nik_digest order by rule <> 0, source_at, content_hash, row_no) as first_worker
from claim;

update work w
set
  outcome = case when w.rule = 0 then w.outcome else 'rejected' end,
  rule = case when w.rule = 0 then 0 else 4 end,
  code = case when w.rule <> 0 then 'IDENTITY_CONFLICT' end,
  candidates = case when w.rule <> 0 then
    (select array_agg(distinct c order by c) from unnest(array[n.health_worker_id, n.first_worker]) c)
  end,
  urgent = w.rule <> 0 and sdmk.is_urgent(w.status),
  warnings = case when w.rule = 0 then w.warnings || 'NIK_IGNORED'::text else w.warnings end
from nik_claim n
where w.row_no = n.row_no and (n.nik_digest <> n.first_nik or n.health_worker_id <> n.first_worker);

-- Rules 6 and 7 for rows whose NIK no known person had until now.
update work w
set
  rule = j.rule,
  health_worker_id = case when j.rule = 6 then j.health_worker_id end,
  outcome = case when j.rule = 6 then 'linked' else 'rejected' end,
  code = case when j.rule = 7 then 'IDENTITY_CONFLICT' end,
  candidates = case when j.rule = 7 then array[j.health_worker_id] end,
  urgent = j.rule = 7 and sdmk.is_urgent(w.status)
from (
  select f.row_no, h.id as health_worker_id,
    case
      when sdmk.same_nik_holder(
        sdmk.name_agreement(h.name_key, f.name_key), sdmk.date_agreement(h.birth_date, f.birth_date),
        sdmk.place_agreement(h.birth_place_key, f.birth_place_key), sdmk.agreement(h.sex, f.sex)) then 6
      else 7
    end as rule
  from work f
  left join str_group g on g.str_number = f.str_number and not f.is_apart
  join (select distinct nik_digest, health_worker_id from nik_claim where nik_digest = first_nik and health_worker_id = first_worker) n
    on n.nik_digest = coalesce(f.nik_digest, g.nik_digest)
  join sdmk.health_worker h on h.id = n.health_worker_id
  where f.outcome is null
) j
where w.row_no = j.row_no;
