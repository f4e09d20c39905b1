-- Of a batch that walks KKI's list: the undone batches whose window it was to fetch again, as they were when its plan was begun.
alter table kki.batch add column refetches bigint[] not null default '{}';
