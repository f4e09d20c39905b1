-- Which of these rows, told by STR ($1), profession ($2) and content hash in hex ($3), each joined by $4, SDMK holds word
-- for word; by their place in the list, from 0.
select k.place::int - 1 as place, r.id, r.version
from unnest(string_to_array($1, $4), string_to_array($2, $4), string_to_array($3, $4))
  with ordinality as k (str_number, profession, content_hash, place)
join sdmk.registration r
  on r.str_number = k.str_number and r.profession = k.profession and r.content_hash = decode(k.content_hash, 'hex')
