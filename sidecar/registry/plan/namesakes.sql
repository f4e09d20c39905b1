-- Who of KNOWN bears name and birth date of whom of NEWCOMERS and is much alike, as sdmk.looks_alike judges.
select n.row_no, h.id
from NEWCOMERS n
join KNOWN h on h.name_key = n.name_key and h.birth_date = n.birth_date
where n.nik_digest is null or h.nik_digest is null
  or (h.nik_digest <> n.nik_digest and sdmk.place_agreement(h.birth_place_key, n.birth_place_key) is distinct from 'different')
