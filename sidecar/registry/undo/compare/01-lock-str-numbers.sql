-- reads: kki.change, sdmk.registration, sdmk.str_number
-- writes: undo_str
-- The STR numbers that batch $1 brought registrations for, locked in the order of all batches.
create temp table undo_str on commit drop as
select n.str_number
from sdmk.str_number n
where n.str_number in (
  select r.str_number from kki.change c join sdmk.registration r on r.id = c.registration_id
  where c.batch_id = $1 and c.operation in ('created', 'linked')
)
order by n.str_number
for update;
