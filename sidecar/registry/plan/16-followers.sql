-- Who would have joined a person that is not created waits with the row that would have created it.
update work w
set outcome = 'rejected', rule = leader.rule, code = leader.code, candidates = leader.candidates,
  urgent = w.status in ('suspended', 'inactive', 'revoked', 'deceased')
from work leader
where w.leader_row_no = leader.row_no and w.row_no <> leader.row_no
  and w.outcome = 'linked' and leader.outcome = 'rejected';
