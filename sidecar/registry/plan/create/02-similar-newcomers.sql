-- reads: newcomer, work
-- writes: alike, newcomer_without_nik, repeated_name, work
-- Rule 8 within the batch: several rows would create people who are much alike. The oldest row creates its person, and the
-- others wait for a person to decide. There may be many rows of one name, birth date and birthplace, so these come first: the
-- oldest of them stands for all.
create temp table repeated_name on commit drop as
select name_key, birth_date
from work
where outcome is null and status = 'active' and name_key is not null and birth_date is not null
group by name_key, birth_date
having count(*) > 1;
analyze repeated_name;

with ranked as (
  select row_no, first_value(row_no) over oldest as first_row_no
  from work join repeated_name using (name_key, birth_date)
  where outcome is null and status = 'active' and birth_place_key is not null
  window oldest as (partition by name_key, birth_date, birth_place_key order by source_at, content_hash, row_no)
)
update work w
set outcome = 'rejected', rule = 8, code = 'POSSIBLE_DUPLICATE', leader_row_no = r.first_row_no
from ranked r
where w.row_no = r.row_no and r.row_no <> r.first_row_no;

-- They are few, so each is compared with all.
create temp table newcomer_without_nik on commit drop as
select * from newcomer where nik_digest is null;
analyze newcomer_without_nik;

create temp table alike on commit drop as
with pair as (
  select row_no, id from sdmk.lookalikes('newcomer_without_nik', 'newcomer')
  union all
  -- Both have a NIK.
  select n.row_no, o.row_no
  from repeated_name r
  join newcomer n using (name_key, birth_date)
  join newcomer o using (name_key, birth_date)
  where o.nik_digest > n.nik_digest
    and sdmk.place_agreement(o.birth_place_key, n.birth_place_key) is distinct from 'different'
)
select distinct case when is_first then a.row_no else b.row_no end as older, case when is_first then b.row_no else a.row_no end as younger
from pair p
join work a on a.row_no = p.row_no and a.status = 'active'
join work b on b.row_no = p.id and b.status = 'active'
cross join lateral (
  select (a.source_at, a.content_hash, a.row_no) < (b.source_at, b.content_hash, b.row_no) as is_first
) o
where p.row_no <> p.id;
analyze alike;

-- A row waits if it is similar to an older row that creates a person. A row that is similar only to waiting rows creates its
-- person. This repeats in rounds, with the same result as if the rows came one by one.
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

-- A row that stands for others of its name, date and place may itself wait; then they wait for the same person.
update work w
set leader_row_no = l.leader_row_no
from work l
where l.row_no = w.leader_row_no and l.rule = 8 and l.outcome = 'rejected' and l.leader_row_no is not null
  and w.rule = 8 and w.outcome = 'rejected';
