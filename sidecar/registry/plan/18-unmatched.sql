-- Where SDMK wants a person to decide on newcomers ($1 is then 'desk'), nobody is created.
update work w
set outcome = 'rejected', rule = 9, code = case when w.status = 'active' then 'UNMATCHED' else 'STR_INACTIVE' end
where $1::text = 'desk'
  and ((w.outcome is null and w.status = 'active') or (w.outcome = 'linked' and w.leader_row_no is not null and w.rule <> 0));
