-- reads: nothing
-- writes: work
-- Only if the setting leaves new people to a reviewer: then no person is created.
update work w
set outcome = 'rejected', rule = 9, code = case when w.status = 'active' then 'UNMATCHED' else 'STR_INACTIVE' end
where (w.outcome is null and w.status = 'active') or (w.outcome = 'linked' and w.leader_row_no is not null and w.rule <> 0);
