-- Nothing reads how many rows a page listed.
alter table kki.staged_page drop column row_count;
