-- reads: undo_registration
-- writes: sdmk.registration
-- Deletes new registrations that no later change touched, and references to them.
update sdmk.registration r
set replaced_by = null, version = nextval('sdmk.version_seq'), updated_at = now()
from undo_registration g
where r.replaced_by = g.id and g.is_new and not g.is_touched;

delete from sdmk.registration r
using undo_registration g
where r.id = g.id and g.is_new and not g.is_touched;
