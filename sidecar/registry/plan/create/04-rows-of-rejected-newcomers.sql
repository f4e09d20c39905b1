-- reads: work
-- writes: work
-- If the row that would create a person is rejected, the rows that would be linked to that person are rejected too. The same
-- holds for rows that are similar to it.
update work w
set outcome = 'rejected', rule = leader.rule, code = leader.code, candidates = leader.candidates,
  urgent = sdmk.is_urgent(w.status)
from work leader
where w.leader_row_no = leader.row_no and w.row_no <> leader.row_no
  and (w.outcome = 'linked' or (w.rule = 8 and w.outcome = 'rejected' and w.candidates is null)) and leader.outcome = 'rejected';
