-- reads: kki.rejection, staged_rejection, staged_row
-- writes: kki.rejection_occurrence
insert into kki.rejection_occurrence (batch_id, row_no, rejection_id, page, page_row, raw_sealed,
  profession, urgent, nik_digest, name_key, source_at, content_digest, status, source_status)
select $1, r.row_no, d.id, r.page, r.page_row, r.raw_sealed,
  r.profession, r.urgent, r.nik_digest, r.name_key, r.source_at, r.content_digest, s.status, s.source_status
from staged_rejection r
left join staged_row s on s.row_no = r.row_no
cross join lateral (select distinct p ->> 'code' as code from jsonb_array_elements(r.problems) p) problem
join kki.rejection d on d.state = 'open' and d.code = problem.code and d.last_batch_id = $1
where d.subject = r.subject
order by r.row_no, d.id;
