-- Room in each page for what changes in it: an update that finds none goes to another page, and into each index anew. Of
-- people and licences a tenth changes between two full runs at most, while each full run says of all that waits that it was
-- seen again. Pages that are full already get room as they are vacuumed.
alter table sdmk.health_worker set (fillfactor = 90);
alter table sdmk.registration set (fillfactor = 90);
alter table kki.rejection set (fillfactor = 50);
