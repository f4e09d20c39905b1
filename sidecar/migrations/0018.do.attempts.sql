-- Attempts of a job of this batch since it last got on, of which no end is known or that ended in an unexpected error.
alter table kki.batch add column attempts int not null default 0;
