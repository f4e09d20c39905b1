-- reads: plan_row, staged_row
-- writes: nothing
-- The rows of the batch that the plan rejects or a person must see, page by page.
declare rejected_row cursor for
select p.row_no, s.page, s.page_row as "pageRow", s.str_number, s.profession, p.problems, p.urgent, p.rule, p.evidence, p.candidates,
  s.nik_digest, s.name_key, s.source_at
from plan_row p
join staged_row s on s.row_no = p.row_no
where p.outcome = 'rejected' or p.urgent or p.problems is not null
order by s.page, p.row_no
