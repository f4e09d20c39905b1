-- Who of KNOWN is much alike to whom of NEWCOMERS, as sdmk.looks_alike judges, though name or birth date differ. One of the two
-- lacks a NIK. A pair is found by name and birthplace, or by birth date and birthplace. Each of these parts is cut in two by
-- the side that lacks the NIK, so that the few who lack one lead.
select n.row_no, h.id
from NEWCOMERS n
join KNOWN h on h.name_key = n.name_key and h.birth_place_key = n.birth_place_key
where n.nik_digest is null
  and sdmk.looks_alike(null, 'equal', case
    when (h.birth_date is null) <> (n.birth_date is null) then 'missing' else sdmk.date_agreement(h.birth_date, n.birth_date)
  end, 'equal', null)
union
select n.row_no, h.id
from NEWCOMERS n
join KNOWN h on h.name_key = n.name_key and h.birth_place_key = n.birth_place_key and h.nik_digest is null
where n.nik_digest is not null
  and sdmk.looks_alike(null, 'equal', case
    when (h.birth_date is null) <> (n.birth_date is null) then 'missing' else sdmk.date_agreement(h.birth_date, n.birth_date)
  end, 'equal', null)
union
select n.row_no, h.id
from NEWCOMERS n
join KNOWN h on h.birth_date = n.birth_date and h.birth_place_key = n.birth_place_key and h.name_key <> n.name_key
where n.nik_digest is null
  and sdmk.looks_alike(null, sdmk.name_agreement(h.name_key, n.name_key), 'equal', 'equal', sdmk.agreement(h.sex, n.sex))
union
select n.row_no, h.id
from NEWCOMERS n
join KNOWN h on h.birth_date = n.birth_date and h.birth_place_key = n.birth_place_key and h.name_key <> n.name_key
  and h.nik_digest is null
where n.nik_digest is not null
  and sdmk.looks_alike(null, sdmk.name_agreement(h.name_key, n.name_key), 'equal', 'equal', sdmk.agreement(h.sex, n.sex))
