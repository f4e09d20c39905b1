-- The rows of batch $1 that the plan refuses or a person must see, page by page.
declare refused cursor for
select p.row_no, s.page, s.page_row as "pageRow", s.str_number, s.profession, p.problems, p.urgent, p.rule, p.evidence, p.candidates,
  s.nik_digest, s.name_key, s.source_at
from kki.plan_row p
join kki.staged_row s on s.batch_id = $1 and s.row_no = p.row_no
where p.batch_id = $1 and (p.outcome = 'rejected' or p.urgent or p.problems is not null)
order by s.page, p.row_no
