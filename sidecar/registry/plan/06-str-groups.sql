-- STR numbers that the batch lists more than once, whether every pair of their rows is the same person, and then that
-- person's NIK, which not every row need carry. Pairs grow with the square of a group, so one of over 50 rows counts as
-- not unique without a look.
create temp table str_group on commit drop as
with size as (
  select str_number, count(*) as row_count,
    (array_agg(nik_digest) filter (where nik_digest is not null))[1] as nik_digest
  from work where is_repeated group by str_number
), pair as (
  select a.str_number,
    bool_and(
      case
        when a.ending_only or b.ending_only then not coalesce(a.nik_digest <> b.nik_digest, false)
        else sdmk.same_person(a.nik_digest, a.name_key, a.birth_date, b.nik_digest, b.name_key, b.birth_date)
      end
    ) as agree
  from size
  join work a on a.str_number = size.str_number
  join work b on b.str_number = a.str_number and b.row_no > a.row_no
  where size.row_count <= 50
  group by a.str_number
)
select size.str_number, coalesce(pair.agree, false) as is_one_person,
  case when pair.agree then size.nik_digest end as nik_digest
from size left join pair on pair.str_number = size.str_number;
