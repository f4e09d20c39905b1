-- reads: sdmk.registration, undo_str
-- writes: sdmk.str_number
-- Deletes STR numbers without a holder.
delete from sdmk.str_number n
using undo_str s
where n.str_number = s.str_number
  and not exists (select from sdmk.registration r where r.str_number = s.str_number);
