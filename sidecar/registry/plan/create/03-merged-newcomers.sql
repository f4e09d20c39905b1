-- reads: retold, sdmk.health_worker, staged_row, work
-- writes: merged_newcomer, work
-- Rule 8 for new people with several rows in the batch. Merged as in the apply, the rows may be similar to a person although
-- none of them is similar alone.
create temp table merged_newcomer on commit drop as
with companion as (
  select w.row_no, coalesce(winner.leader_row_no, winner.row_no, w.leader_row_no) as creator_row_no
  from work w
  left join work winner on winner.row_no = w.winner_row_no
  where (w.winner_row_no is not null or w.leader_row_no is not null) and w.outcome in ('superseded', 'linked')
    and not w.deactivation_only
), told as (
  select c.creator_row_no, c.row_no from companion c
  union
  select c.creator_row_no, c.creator_row_no from companion c
)
select t.creator_row_no as row_no,
  (array_agg(w.name_key order by w.source_at desc, s.name desc))[1] as name_key,
  (array_agg(w.birth_date order by w.source_at desc, w.birth_date desc) filter (where w.birth_date is not null))[1] as birth_date,
  (array_agg(w.birth_place_key order by w.source_at desc, s.birth_place desc)
    filter (where s.birth_place is not null))[1] as birth_place_key,
  (array_agg(s.sex order by w.source_at desc, s.sex desc) filter (where s.sex is not null))[1] as sex,
  (array_agg(w.nik_digest) filter (where w.nik_digest is not null))[1] as nik_digest
from told t
join work w on w.row_no = t.row_no
join staged_row s on s.row_no = w.row_no
join work n on n.row_no = t.creator_row_no and n.outcome is null and n.status = 'active'
group by t.creator_row_no;
analyze merged_newcomer;

with candidate as (
  select row_no, id from sdmk.lookalikes('merged_newcomer', 'sdmk.health_worker')
  union
  select row_no, id from sdmk.lookalikes('merged_newcomer', 'retold')
), grouped as (
  select row_no, array_agg(id order by id) as candidates from candidate group by row_no
)
update work w
set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', candidates = grouped.candidates
from grouped
where w.row_no = grouped.row_no;
