delete from sdmk.registration r
using undo_registration g
where r.id = g.id and g.is_new and not g.is_touched;
