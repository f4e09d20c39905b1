-- reads: kki.batch, plan_row, sdmk.health_worker, staged_row
-- writes: merged
-- Merges the rows of the batch into each person, field by field: the value with the greatest stamp counts, and for equal
-- stamps the greater value, so that the order of rows does not matter. A row that is too old for its registration may
-- still bring the only value of a field. The batch of a decision gives the person the NIK of its row, unless another
-- person has it. The temp table also keeps the former person.
create temp table merged on commit drop as
with offered as materialized (
  select p.health_worker_id, 'NIK_IGNORED' = any (p.warnings) as is_nik_ignored,
    'NAME_IGNORED' = any (p.warnings) as is_name_ignored, s.row_no,
    coalesce(s.person_at, s.source_at) as at, s.name, s.title_prefix, s.title_suffix, s.name_key, s.nik_digest, s.nik_sealed,
    s.new_health_worker_id, s.birth_place, s.birth_place_key, s.birth_date, s.sex
  from plan_row p
  join staged_row s on s.row_no = p.row_no
  where p.outcome not in ('created', 'rejected') and p.health_worker_id is not null
    and not p.deactivation_only
), best as (
  select
    health_worker_id,
    (array_agg(row_no order by at desc, name desc) filter (where is_name_ignored is not true))[1] as name_row,
    (array_agg(row_no order by at desc, nik_digest)
      filter (where nik_digest is not null and is_nik_ignored is not true))[1] as nik_row,
    (array_agg(row_no order by at desc, birth_place desc) filter (where birth_place is not null))[1] as birth_place_row,
    (array_agg(row_no order by at desc, birth_date desc) filter (where birth_date is not null))[1] as birth_date_row,
    (array_agg(row_no order by at desc, sex desc) filter (where sex is not null))[1] as sex_row
  from offered
  group by health_worker_id
), known as materialized (
  -- A separate step, because the planner underestimates the joins below.
  select best.*, h as person from best join sdmk.health_worker h on h.id = best.health_worker_id
)
select
  b.person as before,
  h.id,
  name_wins, n.name, n.title_prefix, n.title_suffix, n.name_key, n.at as name_at,
  nik_wins, nik_is_replaced, k.nik_digest, k.nik_sealed, k.at as nik_at,
  k.new_health_worker_id as nik_staged_for, null::bytea as former_nik_sealed,
  birth_place_wins, bp.birth_place, bp.birth_place_key, bp.at as birth_place_at,
  birth_date_wins, bd.birth_date, bd.at as birth_date_at,
  sex_wins, x.sex, x.at as sex_at
from known b
cross join lateral (select (b.person).*) h
left join offered n on n.row_no = b.name_row
left join offered k on k.row_no = b.nik_row
left join offered bp on bp.row_no = b.birth_place_row
left join offered bd on bd.row_no = b.birth_date_row
left join offered x on x.row_no = b.sex_row,
lateral (
  select
    n.at is not null and (n.at > h.name_at or (n.at = h.name_at and case
      -- A repeated value of SDMK is its present one.
      when n.at = 'infinity'
        then (n.name, n.title_prefix, n.title_suffix) is distinct from (h.name, h.title_prefix, h.title_suffix)
      else n.name > h.name
    end)) as name_wins,
    -- A stored NIK keeps its sealed value; only its stamp changes.
    k.at is not null and (h.nik_at is null or k.at > h.nik_at) as nik_wins,
    coalesce(k.nik_digest <> h.nik_digest, false)
      and (select kind from kki.batch where id = $1) = 'decision' as nik_is_replaced,
    bp.at is not null and (h.birth_place_at is null or bp.at > h.birth_place_at
      or (bp.at = h.birth_place_at and (bp.birth_place > h.birth_place or (bp.at = 'infinity' and bp.birth_place <> h.birth_place)))) as birth_place_wins,
    bd.at is not null and (h.birth_date_at is null or bd.at > h.birth_date_at
      or (bd.at = h.birth_date_at and (bd.birth_date > h.birth_date or (bd.at = 'infinity' and bd.birth_date <> h.birth_date)))) as birth_date_wins,
    x.at is not null and (h.sex_at is null or x.at > h.sex_at
      or (x.at = h.sex_at and (x.sex > h.sex or (x.at = 'infinity' and x.sex <> h.sex)))) as sex_wins
) wins
where name_wins or nik_wins or nik_is_replaced or birth_place_wins or birth_date_wins or sex_wins;
