-- Rule 8 for newcomers of whom several rows of batch $1 tell: together they may look like somebody whom none of them looks
-- like alone. What they say is put together as it is when they are applied.
with companion as (
  select w.row_no, coalesce(winner.leader_row_no, winner.row_no, w.leader_row_no) as newborn_row_no
  from work w
  left join work winner on winner.row_no = w.winner_row_no
  where (w.winner_row_no is not null or w.leader_row_no is not null) and w.outcome in ('superseded', 'linked')
    and not w.ending_only
), told as (
  select c.newborn_row_no, c.row_no from companion c
  union
  select c.newborn_row_no, c.newborn_row_no from companion c
), newborn as (
  select t.newborn_row_no as row_no,
    (array_agg(w.name_key order by w.source_at desc, s.name desc))[1] as name_key,
    (array_agg(w.birth_date order by w.source_at desc, w.birth_date desc) filter (where w.birth_date is not null))[1] as birth_date,
    (array_agg(w.birth_place_key order by w.source_at desc, s.birth_place desc)
      filter (where s.birth_place is not null))[1] as birth_place_key,
    (array_agg(s.sex order by w.source_at desc, s.sex desc) filter (where s.sex is not null))[1] as sex,
    (array_agg(w.nik_digest) filter (where w.nik_digest is not null))[1] as nik_digest
  from told t
  join work w on w.row_no = t.row_no
  join kki.staged_row s on s.batch_id = $1 and s.row_no = w.row_no
  join work n on n.row_no = t.newborn_row_no and n.outcome is null and n.status = 'active'
  group by t.newborn_row_no
), candidate as (
  :lookalikes(newborn, sdmk.health_worker)
  union
  :lookalikes(newborn, retold)
), grouped as (
  select row_no, array_agg(id order by id) as candidates from candidate group by row_no
)
update work w
set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', candidates = grouped.candidates
from grouped
where w.row_no = grouped.row_no;
