-- Rule 8 inside the batch: of rows that would create people who are much alike, the oldest creates and the others wait for a
-- person to decide. First those of one name, birth date and birthplace, of whom there may be many: the oldest stands for them.
create temp table namesake on commit drop as
select w.row_no, w.nik_digest, w.name_key, w.birth_date, w.birth_place_key, w.sex, w.source_at, w.content_hash
from work w
join (
  select name_key, birth_date from work
  where outcome is null and status = 'active' and name_key is not null and birth_date is not null
  group by name_key, birth_date
  having count(*) > 1
) repeated using (name_key, birth_date)
where w.outcome is null and w.status = 'active';
analyze namesake;

with ranked as (
  select row_no, first_value(row_no) over oldest as first_row_no
  from namesake
  where birth_place_key is not null
  window oldest as (partition by name_key, birth_date, birth_place_key order by source_at, content_hash, row_no)
)
update work w
set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', leader_row_no = r.first_row_no
from ranked r
where w.row_no = r.row_no and r.row_no <> r.first_row_no;

create temp table alike on commit drop as
with fresh as not materialized (
  select row_no, row_no as id, nik_digest, name_key, birth_date, birth_place_key, sex
  from work where outcome is null and status = 'active' and name_key is not null
), without_nik as (
  select * from fresh where nik_digest is null
), open_namesake as (
  select n.row_no, n.row_no as id, n.nik_digest, n.name_key, n.birth_date, n.birth_place_key
  from namesake n join work w on w.row_no = n.row_no and w.outcome is null
), pair as (
  :namesakes(open_namesake, open_namesake)
  union
  :near_misses(without_nik, fresh)
)
select distinct case when is_first then a.row_no else b.row_no end as older, case when is_first then b.row_no else a.row_no end as younger
from pair p
join work a on a.row_no = p.row_no
join work b on b.row_no = p.id
cross join lateral (
  select (a.source_at, a.content_hash, a.row_no) < (b.source_at, b.content_hash, b.row_no) as is_first
) o
where p.row_no <> p.id;
analyze alike;

-- Who looks like somebody older that is created waits; who looks only like somebody that waits is created: one round after
-- the other, as if the rows came one by one.
do $$
begin
  loop
    update work w
    set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', leader_row_no = l.older
    from (
      select a.younger, min(a.older) as older
      from alike a
      join work o on o.row_no = a.older and o.outcome is null
      where not exists (
        select from alike b join work e on e.row_no = b.older and e.outcome is null where b.younger = a.older
      )
      group by a.younger
    ) l
    where w.row_no = l.younger and w.outcome is null;
    exit when not found;
  end loop;
end
$$;

-- Of whom stands for others of its name, date and place, and waits itself: they wait for the same person.
update work w
set leader_row_no = l.leader_row_no
from work l
where l.row_no = w.leader_row_no and l.rule = 8 and l.outcome = 'rejected' and l.leader_row_no is not null
  and w.rule = 8 and w.outcome = 'rejected';
