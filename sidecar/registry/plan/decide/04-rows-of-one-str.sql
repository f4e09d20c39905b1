-- reads: work
-- writes: str_group, str_pair, work
-- STR numbers that the batch lists more than once, and how each two of their rows agree. Pairs grow with the square of a
-- group, so a group of over 50 rows counts as not unique without a comparison.
create temp table str_pair on commit drop as
with small as (
  select str_number from work where is_repeated group by str_number having count(*) <= 50
)
select a.str_number, a.row_no as row_a, b.row_no as row_b, a.is_deactivation as deactivates_a, b.is_deactivation as deactivates_b,
  sdmk.same_person(g.nik, g.name, g.birth_date, g.birth_place, g.sex) as is_one_person,
  sdmk.same_holder(g.nik, g.name, g.birth_date, g.birth_place, g.sex) as is_one_holder, g.nik
from small
join (
  select *, deactivation_only or sdmk.is_urgent(status) as is_deactivation from work
) a on a.str_number = small.str_number
join (
  select *, deactivation_only or sdmk.is_urgent(status) as is_deactivation from work
) b on b.str_number = a.str_number and b.row_no > a.row_no
cross join lateral (
  select sdmk.agreement(a.nik_digest, b.nik_digest) as nik, sdmk.name_agreement(a.name_key, b.name_key) as name,
    sdmk.date_agreement(a.birth_date, b.birth_date) as birth_date,
    sdmk.place_agreement(a.birth_place_key, b.birth_place_key) as birth_place, sdmk.agreement(a.sex, b.sex) as sex
  -- Prevents that each value is computed again at every use.
  offset 0
) g;

-- A deactivation without a NIK that does not concern the person of another row is set apart, as if it came in another batch.
-- If it does, but would not match that person by the rules, only its deactivation is used.
update work w
set is_apart = p.is_apart, deactivation_only = w.deactivation_only or p.is_holders
from (
  select row_no, bool_and(is_one_holder) as is_holders, bool_or(not is_one_holder and nik is distinct from 'different') as is_apart
  from (
    select row_a as row_no, is_one_holder, nik from str_pair where deactivates_a and not is_one_person
    union all
    select row_b, is_one_holder, nik from str_pair where deactivates_b and not is_one_person
  ) unlike
  group by row_no
) p
where w.row_no = p.row_no;

-- Whether every pair of the remaining rows is the same person, and that person's NIK, which a row may lack.
create temp table str_group on commit drop as
with size as (
  select str_number, count(*) as row_count,
    (array_agg(nik_digest) filter (where nik_digest is not null))[1] as nik_digest
  from work where is_repeated and not is_apart group by str_number
), pair as (
  select p.str_number,
    bool_and(p.is_one_person or ((a.deactivation_only or b.deactivation_only) and p.is_one_holder)) as agree
  from str_pair p
  join work a on a.row_no = p.row_a and not a.is_apart
  join work b on b.row_no = p.row_b and not b.is_apart
  group by p.str_number
)
select size.str_number, size.row_count = 1 or coalesce(pair.agree, false) as is_one_person,
  case when size.row_count = 1 or pair.agree then size.nik_digest end as nik_digest
from size left join pair on pair.str_number = size.str_number;

-- Rule 1: the rows of one STR are one person. Within each profession the newest row counts, and for equal stamps the
-- row that
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
