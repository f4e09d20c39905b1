-- Known rows of a page together: one by one each takes as long to store as all that is left to decide about it. The arrays
-- run beside each other, one place for each row.
create table kki.packed_known as
select batch_id, page, array_agg(page_row order by row_no) as page_rows, array_agg(row_no order by row_no) as row_nos,
  array_agg(registration_id order by row_no) as registration_ids,
  array_agg(registration_version order by row_no) as registration_versions
from kki.staged_known
group by batch_id, page;

truncate kki.staged_known;
alter table kki.staged_known
  drop column row_no,
  drop column page_row,
  drop column registration_id,
  drop column registration_version,
  add column page_rows int[] not null,
  add column row_nos bigint[] not null,
  add column registration_ids bigint[] not null,
  -- As they were when the row came: where one has moved since, the plan looks at the row after all.
  add column registration_versions bigint[] not null,
  -- Each the codes of a row, joined by commas, or null; null where no row of the page has any.
  add column warnings text[];

insert into kki.staged_known (batch_id, page, page_rows, row_nos, registration_ids, registration_versions)
select batch_id, page, page_rows, row_nos, registration_ids, registration_versions from kki.packed_known;
drop table kki.packed_known;

-- Numbers that lie close together; to try and compress them takes longer than to store them.
alter table kki.staged_known
  alter column page_rows set storage external,
  alter column row_nos set storage external,
  alter column registration_ids set storage external,
  alter column registration_versions set storage external;

-- A row with a warning is known as well: the codes are counted each time it comes.
alter table kki.known_input add column warnings text;
