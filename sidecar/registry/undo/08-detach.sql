update sdmk.registration r
set replaced_by = null, version = nextval('sdmk.version_seq'), updated_at = now()
from undo_registration g
where r.replaced_by = g.id and g.is_new and not g.is_touched;
