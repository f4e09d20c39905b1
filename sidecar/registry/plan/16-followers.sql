-- Who would have joined a person that is not created waits with the row that would have created it; and so does who looks
-- like it.
update work w
set outcome = 'rejected', rule = leader.rule, code = leader.code, candidates = leader.candidates,
  urgent = sdmk.is_urgent(w.status)
from work leader
where w.leader_row_no = leader.row_no and w.row_no <> leader.row_no
  and (w.outcome = 'linked' or (w.rule = 8 and w.outcome = 'rejected' and w.candidates is null)) and leader.outcome = 'rejected';
